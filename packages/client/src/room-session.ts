import {
  type CaughtUpFrame,
  contentOf,
  type ErrorFrame,
  type EventFrame,
  type JoinedFrame,
  type Position,
  TYPING_EVERY_MS,
  type TypingNotice,
} from "@madang/protocol/browser";
import { requireKind } from "./arguments.ts";
import type { Clock } from "./clock.ts";
import { Emitter } from "./emitter.ts";
import { errorOf, MadangError } from "./errors.ts";
import { Lane } from "./lane.ts";
import type { Outbox, PendingSend, Send, SendResult } from "./outbox.ts";
import { Progress } from "./progress.ts";
import { backoff, HINT_CAP_MS } from "./reconnect.ts";
import type { Room, RoomEvents, RoomState, SendOptions } from "./room.ts";

export interface RoomDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly outbox: Outbox;
  /** Display name that the server gave this client. */
  user(): string | undefined;
  /** The error that stopped the client, if it is stopped. */
  ended(): MadangError | undefined;
  transmit(frame: string): void;
  typing(room: RoomSession): void;
  join(room: RoomSession): void;
  leave(room: RoomSession): void;
  /** Checks whether the connection is alive. */
  probe(): void;
}

/** A join, in a `hello` or a `join` frame. */
export interface JoinRequest {
  readonly room: string;
  readonly after?: string;
}

/**
 * Sends wait for the end of the replay, which may show that they are stored already, but no longer than this. Within
 * the log's duplicate window (2 min) a repeat is harmless.
 */
const CATCH_UP_MS = 10_000;

/** One room of a client: joins it, emits its events, and sends into it in order. */
export class RoomSession extends Emitter<RoomEvents> implements Room {
  readonly name: string;
  readonly #deps: RoomDeps;
  readonly #lane: Lane;
  readonly #progress: Progress;
  /** The server answered the last join on this connection. Frames before that belong to an earlier join. */
  #joined = false;
  #left = false;
  #refusals = 0;
  #cancel = () => {};
  /** Time of the last typing notice. */
  #typedAt = Number.NEGATIVE_INFINITY;

  constructor(name: string, after: Position | undefined, deps: RoomDeps) {
    super();
    this.name = name;
    this.#progress = new Progress(after);
    this.#deps = deps;
    this.#lane = new Lane({
      clock: deps.clock,
      random: deps.random,
      queue: () => deps.outbox.queue(name),
      transmit: (send) => deps.transmit(send.frame),
      stalled: deps.probe,
      sent: (send, result) => this.#sent(send, result),
      failed: (send, error) => this.#failed(send, error),
    });
  }

  get state(): RoomState {
    if (this.#left) return "left";
    return this.#joined ? "joined" : "joining";
  }

  get position(): string | undefined {
    return this.#progress.position;
  }

  get pending(): readonly PendingSend[] {
    return this.#deps.outbox.queue(this.name).map(describe);
  }

  send(text: string, options: SendOptions = {}): Promise<SendResult> {
    const ended = this.#left ? new MadangError("room_left") : this.#deps.ended();
    if (ended) return Promise.reject(ended);
    const { outbox } = this.#deps;
    const known = outbox.queue(this.name).find((send) => send.nonce === options?.nonce);
    if (known) return isSame(known, text, options) ? known.answer.promise : refused(new MadangError("conflict"));
    try {
      requireKind("object", options, "send: options");
      const send = outbox.add(this.name, text, options);
      this.#typedAt = Number.NEGATIVE_INFINITY;
      this.#lane.pump();
      return send.answer.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  typing(): void {
    const now = this.#deps.clock.now();
    if (!this.#joined || now - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = now;
    this.#deps.typing(this);
  }

  leave(): void {
    if (this.#left) return;
    this.#deps.leave(this);
    this.end(new MadangError("room_left"), false);
  }

  /** The join to send now. */
  joinRequest(): JoinRequest {
    this.disconnected();
    const after = this.position;
    return after === undefined ? { room: this.name } : { room: this.name, after };
  }

  onJoined(frame: JoinedFrame): void {
    this.#joined = true;
    this.#refusals = 0;
    const goesOn = this.#progress.joined(frame);
    this.#cancel();
    if (goesOn) this.#cancel = this.#deps.clock.after(CATCH_UP_MS, () => this.#lane.open());
    else this.#lane.open();
    const { epoch, position, recovered } = frame;
    this.emit("joined", { epoch, position, recovered });
    for (const send of this.#deps.outbox.takeExpired(this.name)) {
      this.emit("failed", { ...describe(send), error: new MadangError("send_expired") });
    }
  }

  onCaughtUp({ position }: CaughtUpFrame): void {
    if (!this.#joined) return;
    this.#progress.reached(position);
    this.#cancel();
    this.#lane.open();
    this.emit("caughtUp", { position });
  }

  /** Ignores a frame without a place in the log: it comes from a newer server and is not an event. */
  onEvent(event: EventFrame): void {
    if (typeof event.epoch !== "string" || !Number.isSafeInteger(event.seq)) return;
    if (!this.#joined || !this.#progress.advance(event) || this.#isDouble(event)) return;
    this.emit("event", event);
    switch (event.type) {
      case "message":
        this.emit("message", event);
        break;
      case "edit":
        this.emit("edit", event);
        break;
      case "delete":
        this.emit("delete", event);
        break;
      case "room":
        this.emit("room", event);
        break;
      case "member":
        this.emit("member", event);
    }
  }

  onTyping({ user, userId }: TypingNotice): void {
    if (this.#joined) this.emit("typing", userId === undefined ? { user } : { user, userId });
  }

  onAck(result: SendResult): void {
    this.#lane.ack(result);
  }

  onSendError(nonce: string, frame: ErrorFrame): void {
    const error = errorOf(frame);
    this.#lane.error(nonce, error);
    const held = this.pending.find((send) => send.nonce === nonce);
    if (held) this.emit("held", { ...held, error });
  }

  /** Whether an error about the room refuses the join for good. */
  isRefused({ temporary }: ErrorFrame): boolean {
    return !this.#joined && !temporary;
  }

  /** An error about the room. */
  onError(frame: ErrorFrame): void {
    const error = errorOf(frame);
    if (this.isRefused(frame)) this.end(error, true);
    else if (!this.#joined) {
      const hintMs = Math.min((frame.retryAfter ?? 0) * 1000, HINT_CAP_MS);
      this.#cancel();
      this.#cancel = this.#deps.clock.after(hintMs + backoff(this.#refusals++, this.#deps.random), () =>
        this.#deps.join(this),
      );
    }
    this.emit("error", error);
  }

  /** The reason for a removal. The room has ended already. */
  onRemoved(frame: ErrorFrame): void {
    this.emit("error", errorOf(frame));
  }

  disconnected(): void {
    this.#joined = false;
    this.#cancel();
    this.#lane.close();
  }

  /** The client is no longer in the room: by its own `leave`, or `byServer`. */
  end(error: MadangError, byServer: boolean): void {
    this.#left = true;
    this.disconnected();
    this.giveUp(error);
    this.emit("left", { byServer });
  }

  /** Rejects every pending send. With `keep` they stay in the outbox, and a later connection sends them. */
  giveUp(error: MadangError, keep = false): void {
    const { outbox } = this.#deps;
    // A listener of one failure may give up the others itself.
    for (const send of [...outbox.queue(this.name)]) {
      if (outbox.queue(this.name).includes(send)) this.#failed(send, error, keep);
    }
  }

  /** The log stores a repeat twice after its duplicate window. The client ignores the second event. */
  #isDouble(event: EventFrame): boolean {
    if (!("nonce" in event) || event.nonce === undefined) return false;
    const { user, nonce, seq, epoch } = event;
    const content = contentOf(event);
    if (user === this.#deps.user()) this.#lane.seenInLog({ nonce, seq, epoch, duplicate: true }, content);
    return this.#progress.isRepeat(event.userId ?? user, nonce, content);
  }

  #sent(send: Send, result: SendResult): void {
    this.#deps.outbox.remove(send);
    send.answer.resolve(result);
    this.emit("sent", { ...describe(send), ...result });
  }

  #failed(send: Send, error: MadangError, keep = false): void {
    if (keep) this.#deps.outbox.reopen(send);
    else this.#deps.outbox.remove(send);
    send.answer.reject(error);
    this.emit("failed", { ...describe(send), error });
  }
}

/** A rejection that does not end the process of a caller that ignores it. */
function refused(error: MadangError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}

/** Whether a send with the nonce of a pending one is that send. */
function isSame(known: Send, text: string, { replyTo }: SendOptions): boolean {
  return known.text === text && known.replyTo === replyTo;
}

function describe({ nonce, text, replyTo }: Send): PendingSend {
  return replyTo === undefined ? { nonce, text } : { nonce, text, replyTo };
}
