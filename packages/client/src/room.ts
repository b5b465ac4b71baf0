import type {
  DeleteEvent,
  EditEvent,
  ErrorFrame,
  EventFrame,
  MemberEvent,
  MessageEvent,
  Placed,
  RoomEvent,
} from "@madang/protocol/browser";
import type { MadangError } from "./errors.ts";
import type { PendingSend, SendResult } from "./outbox.ts";

export interface RoomEvents {
  /** Every event of the room, of whatever type, in the log's order, each once. */
  event: EventFrame;
  message: Placed<MessageEvent>;
  edit: Placed<EditEvent>;
  delete: Placed<DeleteEvent>;
  room: Placed<RoomEvent>;
  /** A moderator acted on somebody in this room. */
  member: Placed<MemberEvent>;
  /** F4: somebody else is writing; holds for five seconds, or until a message of theirs. */
  typing: { user: string; userId?: string };
  /** F2, after each (re)connect. `recovered: false`: something may be missing, fetch the history afresh. */
  joined: { epoch: string; position: string; recovered: boolean };
  /** Everything up to `position` has been told; live from here. */
  caughtUp: { position: string };
  /**
   * Something asked of this room was refused, as a whole and not for one send: above all joining it. Or the server
   * took the client out of it, and this is why. When the error is not `temporary`, the room is over for the client.
   */
  error: ErrorFrame;
  /** A send was stored; also one restored from an earlier visit. */
  sent: PendingSend & SendResult;
  /** A send was refused for now, and goes out again by itself: after the error's `retryAfter` seconds at the earliest. */
  held: PendingSend & { error: MadangError };
  /** A send was given up; also one restored from an earlier visit. */
  failed: PendingSend & { error: MadangError };
}

/** A room that the client is in, or wants to be in: across every reconnect, until `leave`. */
export interface Room {
  /** In its canonical form (NFC). */
  readonly name: string;
  /** Position of the last event told; `undefined` before the first `joined`. */
  readonly position: string | undefined;
  /** Sends without an answer, oldest first. */
  readonly pending: readonly PendingSend[];
  /**
   * @returns unsubscribes
   * @throws TypeError where there is no function to call
   */
  on<Name extends keyof RoomEvents>(name: Name, listener: (value: RoomEvents[Name]) => void): () => void;
  /**
   * Says something. Sends of one room are stored in the order of the calls, each once, whatever happens to the
   * connection; a nonce that is pending already joins that send. Resolves when it is stored. Who does not wait for the
   * answer of a send that was taken hears of its failure by `failed`: that is never an unhandled rejection.
   * @param options.nonce 1 to 128 characters, never used before by this user in this room; made when absent
   * @throws MadangError (as a rejection) for a permanent error of the server, `outbox_full`, `room_left`,
   *   `client_closed`, `connection_refused`
   * @throws TypeError (as a rejection) for options that are no object
   */
  send(text: string, options?: SendOptions): Promise<SendResult>;
  /** F4: the user is writing. May be called for each key: it is told every three seconds, and only while connected. */
  typing(): void;
  /** Leaves for good. Pending sends are rejected with `room_left`. */
  leave(): void;
}

export interface SendOptions {
  readonly nonce?: string;
  /** seq of the message answered. */
  readonly replyTo?: number;
}
