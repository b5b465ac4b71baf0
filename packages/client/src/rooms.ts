import {
  type DownFrame,
  type ErrorFrame,
  parsePosition,
  parseStoredRoomName,
  type UpFrame,
} from "@madang/protocol/browser";
import { PROBE_ROOM } from "./connection.ts";
import { MadangError } from "./errors.ts";
import { type JoinRequest, type RoomDeps, RoomSession } from "./room-session.ts";

export type RoomFrame = Extract<DownFrame, { room: string }>;

export interface RoomsDeps extends Omit<RoomDeps, "join" | "leave" | "typing"> {
  send(frame: UpFrame): void;
}

/** The server's default limit (F5), until its welcome gives the limit. */
const ROOMS_MAX = 128;

/**
 * The rooms of a client, and what the server knows of them on the current connection. The client can join and leave at
 * any time. While it is not connected, the next `hello` carries the joins; the rest follows after its `welcome`.
 */
export class Rooms {
  readonly #deps: RoomDeps;
  readonly #send: (frame: UpFrame) => void;
  readonly #rooms = new Map<string, RoomSession>();
  /** Rooms that the client asked to join on the current connection. */
  readonly #asked = new Map<string, RoomSession>();
  /** Rooms that the client is leaving: it ignores their frames until `left` arrives. */
  readonly #leaving = new Set<string>();
  /** Rooms that the server removed the client from: the next error with that room is the reason. */
  readonly #removed = new Map<string, RoomSession>();
  #welcomed = false;
  #max = ROOMS_MAX;

  constructor({ send, ...deps }: RoomsDeps) {
    this.#send = send;
    this.#deps = {
      ...deps,
      join: (room) => this.#join(room),
      leave: (room) => this.#leave(room),
      typing: ({ name: room }) => this.#send({ type: "typing", room }),
    };
  }

  /** @throws MadangError `bad_room`, `bad_position`, `too_many_rooms` */
  join(name: string, position: string | undefined): RoomSession {
    const canonical = parseStoredRoomName(name);
    if (canonical === undefined) throw new MadangError("bad_room");
    const known = this.#rooms.get(canonical);
    if (known) return known;
    const after = position === undefined ? undefined : parsePosition(position);
    if (position !== undefined && !after) throw new MadangError("bad_position");
    if (this.#rooms.size >= this.#max) throw new MadangError("too_many_rooms");
    const room = new RoomSession(canonical, after, this.#deps);
    this.#rooms.set(canonical, room);
    this.#join(room);
    return room;
  }

  /** The joins of a `hello`. */
  requests(): JoinRequest[] {
    for (const [name, room] of this.#rooms) this.#asked.set(name, room);
    return [...this.#rooms.values()].map((room) => room.joinRequest());
  }

  /** The server answered the `hello`: sends the joins and leaves that were requested in the meantime. */
  welcomed(max: number): void {
    this.#max = max;
    this.#welcomed = true;
    for (const [name, room] of this.#asked) if (this.#rooms.get(name) !== room) this.#retire(name);
    for (const [name, room] of this.#rooms) if (!this.#asked.has(name)) this.#join(room);
  }

  /** @param max number of rooms that one connection may join */
  limit(max: number): void {
    this.#max = max;
  }

  disconnected(): void {
    this.#welcomed = false;
    this.#asked.clear();
    this.#leaving.clear();
    this.#removed.clear();
    for (const room of this.#rooms.values()) room.disconnected();
  }

  /** Rejects every pending send and keeps the rooms. With `keep` it also keeps the sends, for a later connection. */
  giveUp(error: MadangError, keep: boolean): void {
    for (const room of [...this.#rooms.values()]) room.giveUp(error, keep);
  }

  onFrame(frame: RoomFrame): void {
    if (this.#leaving.has(frame.room)) {
      if (frame.type === "left") this.#onLeft(frame.room);
      return;
    }
    const room = this.#rooms.get(frame.room);
    if (!room) return;
    switch (frame.type) {
      case "joined":
        return room.onJoined(frame);
      case "caughtUp":
        return room.onCaughtUp(frame);
      case "ack":
        return room.onAck({ nonce: frame.nonce, seq: frame.seq, epoch: frame.epoch, duplicate: frame.duplicate });
      case "left":
        // Unasked: the server removed the client from the room.
        this.#rooms.delete(frame.room);
        this.#asked.delete(frame.room);
        this.#removed.set(frame.room, room);
        return room.end(new MadangError("room_left"), true);
      case "typing":
        return room.onTyping(frame);
      default:
        return room.onEvent(frame);
    }
  }

  /** @returns whether the error is handled: the answer to a send or a leave concerns no other listener */
  onError(frame: ErrorFrame): boolean {
    const { room: name, nonce } = frame;
    if (nonce !== undefined) {
      // If the error has no room, every room looks for the nonce. A send that was given up is in none.
      const rooms = name === undefined ? [...this.#rooms.values()] : [this.#rooms.get(name)];
      for (const room of rooms) room?.onSendError(nonce, frame);
      return true;
    }
    // A typing notice is best effort, and its error does not answer a join or a leave.
    if (frame.field === "typing") return true;
    if (name !== undefined && this.#leaving.has(name)) {
      // The server refused the leave or the join before it: either way, this connection is not in the room.
      this.#onLeft(name);
      return true;
    }
    if (name === PROBE_ROOM) return true;
    // The leave crossed a removal by the server.
    if (frame.code === "not_joined") return true;
    if (name === undefined) return false;
    const removed = this.#removed.get(name);
    if (removed) {
      this.#removed.delete(name);
      removed.onRemoved(frame);
      return false;
    }
    const room = this.#rooms.get(name);
    if (!room) return true;
    // Before the event: a listener may join the room again.
    if (room.isRefused(frame)) this.#rooms.delete(name);
    room.onError(frame);
    return false;
  }

  #join(room: RoomSession): void {
    if (!this.#welcomed || this.#leaving.has(room.name) || this.#rooms.get(room.name) !== room) return;
    this.#asked.set(room.name, room);
    this.#send({ type: "join", ...room.joinRequest() });
  }

  #leave(room: RoomSession): void {
    if (this.#rooms.get(room.name) !== room) return;
    this.#rooms.delete(room.name);
    if (this.#welcomed && this.#asked.get(room.name) === room) this.#retire(room.name);
  }

  #retire(name: string): void {
    this.#asked.delete(name);
    this.#leaving.add(name);
    this.#send({ type: "leave", room: name });
  }

  #onLeft(name: string): void {
    this.#leaving.delete(name);
    const room = this.#rooms.get(name);
    if (room) this.#join(room);
  }
}
