import type { Socket } from "node:net";

/** What a person sends at once is less; and nobody types more a second for long. */
const SLICE_BYTES = 1024;
const LIGHT_BYTES_PER_S = 1024;
/**
 * So much of a turn of the event loop goes to what comes as it comes, and so much to those who wait. Where all else takes longer, that
 * long, up to a limit: an edge that has much to write has as much time to read. The limit is reached only when some have been
 * waiting for long: short turns are what everybody's message lives by, and a burst is soon over.
 */
const TURN_MS = 1;
const TURN_MAX_MS = 8;
/** Of waiting without a pause, for each millisecond more. */
const BEHIND_MS_PER_TURN_MS = 250;
/** Who has sent much is one of many for so long at most. */
const MAX_DEBT_MS = 2000;

/** Leads from a socket to what is known about it. */
const SENDER = Symbol("sender");
type Listener = (this: Socket, chunk: Buffer) => void;
type EndListener = (this: Socket) => void;

interface Reader {
  /** It is not to be read now: who wants it to go on resumes the socket. */
  readonly isPaused: boolean;
}

interface Sender {
  /** `undefined`: nobody reads it any more. */
  reader: Reader | undefined;
  /** When it will have sent no more than what a light one sends. */
  evenAt: number;
}

/**
 * Fair reading. One read of a socket brings up to 64 KiB, which may be a thousand frames, and a turn of the event loop
 * may have one from each of hundreds of sockets: obeyed as they come, they hold up everybody else's message for as
 * long as they take. So what comes is handed on at once only while it is little, in all or of its sender. The rest stays
 * in its socket and is handed on in slices, by turns (round robin, RFC 970), for a part of each turn of the event
 * loop; what else has come is handled in between. A socket that waits is read no further than its own buffer, and its
 * bytes keep their order. The end of what comes is a part of it: when whoever stands in front dies, thousands end at once.
 */
export class Intake {
  readonly #now: () => number;
  readonly #waiting = new Set<Socket>();
  /** Those whose other side has said that it says no more. */
  readonly #ended = new Set<Socket>();
  readonly #onData: Listener;
  readonly #onEnd: EndListener;
  #listener: Listener | undefined;
  #endListener: EndListener | undefined;
  #turnScheduled = false;
  #turnBeganAt = 0;
  /** Since when somebody has been waiting in every turn. */
  #behindSince = Number.POSITIVE_INFINITY;
  /** Milliseconds that this turn has had for what came. */
  #spentMs = 0;
  /** And that it may have. */
  #shareMs = TURN_MS;

  /** @param now the time in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
    const intake = this;
    // One for all sockets: a closure each would be paid for by every idle connection.
    this.#onData = function (chunk) {
      intake.#take(this, chunk);
    };
    this.#onEnd = function () {
      intake.#ended.add(this);
      intake.#scheduleTurn();
    };
  }

  /** Comes between a socket and the library's listeners to its data and its end, which are the same functions for all sockets. */
  regulate(socket: Socket, reader: Reader): void {
    this.#listener ??= socket.listeners("data")[0] as Listener;
    this.#endListener ??= socket.listeners("end").at(-1) as EndListener;
    const sender: Sender = { reader, evenAt: 0 };
    Object.assign(socket, { [SENDER]: sender });
    socket.off("data", this.#listener).on("data", this.#onData);
    socket.off("end", this.#endListener).on("end", this.#onEnd);
  }

  /** Whatever it says from now on is thrown away unread, and so costs next to nothing. */
  ignore(socket: Socket): void {
    senderOf(socket).reader = undefined;
    this.#waiting.delete(socket);
    socket.resume();
  }

  #take(socket: Socket, chunk: Buffer): void {
    // What is left in a socket when it is cut is taken from there by whoever wants it.
    if (socket.destroyed || !senderOf(socket).reader) return;
    const now = this.#now();
    if (chunk.length <= SLICE_BYTES && (this.#spentMs < this.#shareMs || isLight(socket, now))) {
      this.#handOn(socket, chunk, now);
    } else {
      socket.pause();
      socket.unshift(chunk);
      this.#waiting.add(socket);
    }
    this.#scheduleTurn();
  }

  #handOn(socket: Socket, chunk: Buffer, now: number): void {
    const sender = senderOf(socket);
    const worthMs = (chunk.length / LIGHT_BYTES_PER_S) * 1000;
    sender.evenAt = Math.min(Math.max(sender.evenAt, now) + worthMs, now + MAX_DEBT_MS);
    this.#listener!.call(socket, chunk);
    this.#spentMs += this.#now() - now;
  }

  /** The end of a turn: those who wait have their share. */
  #turn(): void {
    const now = this.#now();
    const restMs = now - this.#turnBeganAt - this.#spentMs;
    const mostMs = TURN_MS + (now - this.#behindSince) / BEHIND_MS_PER_TURN_MS;
    this.#shareMs = Math.min(Math.max(TURN_MS, restMs), mostMs, TURN_MAX_MS);
    this.#spentMs = 0;
    // Who has more is added again, and so comes behind the others.
    for (const socket of this.#waiting) {
      this.#waiting.delete(socket);
      this.#readSlice(socket);
      if (this.#spentMs >= this.#shareMs) break;
    }
    // One at least, or those who leave would stay for as long as others keep the turns full.
    for (const socket of this.#ended) {
      this.#ended.delete(socket);
      this.#takeLeave(socket);
      if (this.#spentMs >= this.#shareMs) break;
    }
    this.#turnScheduled = false;
    if (this.#waiting.size > 0 || this.#ended.size > 0) return this.#scheduleTurn();
    this.#shareMs = TURN_MS;
    this.#behindSince = Number.POSITIVE_INFINITY;
  }

  #takeLeave(socket: Socket): void {
    if (socket.destroyed) return;
    const now = this.#now();
    this.#endListener!.call(socket);
    this.#spentMs += this.#now() - now;
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#spentMs = 0;
    this.#turnBeganAt = this.#now();
    this.#behindSince = Math.min(this.#behindSince, this.#turnBeganAt);
    setImmediate(() => this.#turn());
  }

  #readSlice(socket: Socket): void {
    const { reader } = senderOf(socket);
    if (!reader || reader.isPaused || socket.destroyed) return;
    // Comes back through the listener, small enough and in time.
    socket.read(Math.min(SLICE_BYTES, socket.readableLength));
    if (socket.readableLength > 0) this.#waiting.add(socket);
    else if (!reader.isPaused) socket.resume();
  }
}

function senderOf(socket: Socket): Sender {
  return (socket as Socket & { [SENDER]: Sender })[SENDER];
}

/** Whether it has sent so little of late that nobody is held up by one more. */
function isLight(socket: Socket, now: number): boolean {
  return senderOf(socket).evenAt - now < 1000;
}
