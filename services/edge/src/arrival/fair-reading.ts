import type { Socket } from "node:net";

/** More than a person sends at once, and more than a person types a second for long. */
const SLICE_BYTES = 1024;
const LIGHT_BYTES_PER_S = 1024;
/**
 * The share of a turn of the event loop for bytes as they arrive, and the same again for waiting sockets. Where all else
 * takes longer, the share is as long, up to a limit: an edge that has much to write has as much time to read. Only sockets
 * that have waited for long bring it to the limit: short turns keep latency low, and a burst is soon over.
 */
const TURN_MS = 1;
const TURN_MAX_MS = 8;
/** Milliseconds of uninterrupted waiting that extend the share by one. */
const BEHIND_MS_PER_TURN_MS = 250;
/** A sender counts as heavy for at most this long after its last bytes. */
const MAX_DEBT_MS = 2000;

/** Leads from a socket to its {@link Sender}. */
const SENDER = Symbol("sender");
type Listener = (this: Socket, chunk: Buffer) => void;
type EndListener = (this: Socket) => void;

interface Reader {
  /** The connection does not want to read now; to go on it resumes the socket. */
  readonly isPaused: boolean;
}

interface Sender {
  /** `undefined`: its bytes are discarded. */
  reader: Reader | undefined;
  /** When its average will be down to that of a light sender. */
  evenAt: number;
}

/**
 * Fair reading. One read of a socket brings up to 64 KiB, which may be a thousand frames, and a turn of the event loop
 * may have one from each of hundreds of sockets. Handled as they arrive, they would delay every other message. So bytes
 * are handled at once only while they are few, in this turn or of their sender. The rest stays in its socket and is
 * handled in slices, in turn (round robin, RFC 970), for a share of each turn of the event loop. The edge reads a waiting
 * socket no further than its own buffer, and its bytes keep their order. The end of a socket waits in the same way: when a
 * proxy dies, thousands end at once.
 */
export class FairReading {
  readonly #now: () => number;
  readonly #waiting = new Set<Socket>();
  /** Sockets that the peer has half-closed. */
  readonly #ended = new Set<Socket>();
  readonly #onData: Listener;
  readonly #onEnd: EndListener;
  #listener: Listener | undefined;
  #endListener: EndListener | undefined;
  #turnScheduled = false;
  #turnBeganAt = 0;
  /** Since when there have been waiting sockets in every turn. */
  #behindSince = Number.POSITIVE_INFINITY;
  /** Milliseconds of this turn spent on received bytes, and the share of it. */
  #spentMs = 0;
  #shareMs = TURN_MS;

  /** @param now the time in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
    const reading = this;
    // One function for all sockets: a closure each would cost memory for every idle connection.
    this.#onData = function (chunk) {
      reading.#take(this, chunk);
    };
    this.#onEnd = function () {
      reading.#ended.add(this);
      reading.#scheduleTurn();
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

  /** Discards everything that the socket sends from now on, at almost no cost. */
  ignore(socket: Socket): void {
    senderOf(socket).reader = undefined;
    this.#waiting.delete(socket);
    socket.resume();
  }

  #take(socket: Socket, chunk: Buffer): void {
    // A destroyed socket may still emit what was in its buffer.
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

  /** The end of a turn: waiting sockets have their share. */
  #turn(): void {
    const now = this.#now();
    const restMs = now - this.#turnBeganAt - this.#spentMs;
    const mostMs = TURN_MS + (now - this.#behindSince) / BEHIND_MS_PER_TURN_MS;
    this.#shareMs = Math.min(Math.max(TURN_MS, restMs), mostMs, TURN_MAX_MS);
    this.#spentMs = 0;
    // A socket with more bytes is added again, behind the others.
    for (const socket of this.#waiting) {
      this.#waiting.delete(socket);
      this.#readSlice(socket);
      if (this.#spentMs >= this.#shareMs) break;
    }
    // At least one: otherwise ended sockets would stay for as long as others keep the turns full.
    for (const socket of this.#ended) {
      this.#ended.delete(socket);
      this.#endOne(socket);
      if (this.#spentMs >= this.#shareMs) break;
    }
    this.#turnScheduled = false;
    if (this.#waiting.size > 0 || this.#ended.size > 0) return this.#scheduleTurn();
    this.#shareMs = TURN_MS;
    this.#behindSince = Number.POSITIVE_INFINITY;
  }

  #endOne(socket: Socket): void {
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
    // The bytes come back through the data listener, small enough and within the share.
    socket.read(Math.min(SLICE_BYTES, socket.readableLength));
    if (socket.readableLength > 0) this.#waiting.add(socket);
    else if (!reader.isPaused) socket.resume();
  }
}

function senderOf(socket: Socket): Sender {
  return (socket as Socket & { [SENDER]: Sender })[SENDER];
}

/** Whether it has sent so little of late that one more chunk delays no other client. */
function isLight(socket: Socket, now: number): boolean {
  return senderOf(socket).evenAt - now < 1000;
}
