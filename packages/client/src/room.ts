import type {
  DeleteEvent,
  EditEvent,
  EventFrame,
  MemberEvent,
  MessageEvent,
  Placed,
  RoomEvent,
} from "@madang/protocol/browser";
import type { MadangError } from "./errors.ts";
import type { PendingSend, SendResult } from "./outbox.ts";

/**
 * `joining`: the client is not in the room yet, or its connection is away. `joined`: the server has answered the join on
 * the current connection. `left`: the room is over for this object; `MadangClient.join` returns a new one.
 */
export type RoomState = "joining" | "joined" | "left";

export interface RoomEvents {
  /** Every event of the room, of any type, in the log's order, each once. */
  event: EventFrame;
  message: Placed<MessageEvent>;
  edit: Placed<EditEvent>;
  /** With `erased` the author was erased, too: drop the name. */
  delete: Placed<DeleteEvent>;
  /** The settings of the room changed. With `cleared` the room was deleted: drop all of its earlier messages. */
  room: Placed<RoomEvent>;
  /** A moderator banned or muted a member, or lifted that. */
  member: Placed<MemberEvent>;
  /** Another member is typing. The notice holds for 5 s, or until that member's next message. */
  typing: { user: string; userId?: string };
  /**
   * The server answered the join, once for each connection. `recovered: false` means that events may be missing, or that the
   * room was deleted: drop the old messages and fetch the history again. The room continues at `position`.
   */
  joined: { epoch: string; position: string; recovered: boolean };
  /** The client has emitted every event up to `position`. Later events are live. */
  caughtUp: { position: string };
  /**
   * The room's state is `left` from here on: the caller left it, or, `byServer`, the server refused the join or removed
   * the client. After `byServer`, an `error` event gives the reason if the server sent one.
   */
  left: { byServer: boolean };
  /** An error about the room and not about one send. If it is not `temporary`, the state of the room is `left`. */
  error: MadangError;
  /** The server stored a send, possibly one that the storage kept from an earlier visit. */
  sent: PendingSend & SendResult;
  /** The server refused a send temporarily. The client repeats it, after `error.retryAfter` seconds at the earliest. */
  held: PendingSend & { error: MadangError };
  /**
   * A send failed for good, possibly one that the storage kept from an earlier visit. A send that waited in the storage for
   * more than a day is not sent: it fails with `send_expired` once the room is joined.
   */
  failed: PendingSend & { error: MadangError };
}

/** A room that the client has joined or wants to join. It outlives reconnects, until `leave` or the event `left`. */
export interface Room {
  /** Canonical form of the name (NFC). */
  readonly name: string;
  readonly state: RoomState;
  /** Position of the last emitted event. `undefined` before the first `joined`. */
  readonly position: string | undefined;
  /** Sends without an acknowledgement, oldest first. */
  readonly pending: readonly PendingSend[];
  /**
   * Adds a listener.
   * @returns a function that removes the listener
   * @throws TypeError if `listener` is not a function
   */
  on<Name extends keyof RoomEvents>(name: Name, listener: (value: RoomEvents[Name]) => void): () => void;
  /**
   * Sends a message. Resolves when the server has stored it. The messages of a room are stored in the order of the calls,
   * each once, across reconnects and temporary errors. A nonce that is pending returns the promise of that send. A caller
   * may ignore the promise: `failed` reports the failure, and no unhandled rejection follows.
   * @param text 1 to 4,000 characters by default; the welcome's limit applies
   * @param options.nonce 1 to 128 characters, unique per room and user. Default: a random one
   * @param options.replyTo `seq` of the message that this one answers
   * @throws MadangError (as a rejection) for a permanent error of the server, `outbox_full`, `room_left`, `client_closed`,
   *   `connection_refused`, `token_stopped`
   * @throws TypeError (as a rejection) if `options` is not an object
   */
  send(text: string, options?: SendOptions): Promise<SendResult>;
  /** Reports that the user is typing. Call it for each key: the client sends it every 3 s at most, and only if joined. */
  typing(): void;
  /** Leaves the room. It rejects pending sends with `room_left`. */
  leave(): void;
}

export interface SendOptions {
  readonly nonce?: string;
  /** `seq` of the message that this one answers. */
  readonly replyTo?: number;
}
