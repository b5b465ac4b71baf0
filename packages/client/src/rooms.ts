import { type DownFrame, type ErrorFrame, parsePosition, parseRoomName, type UpFrame } from "@madang/protocol/browser";
import { MadangError } from "./errors.ts";
import { type JoinRequest, type RoomDeps, RoomSession } from "./room-session.ts";

export type RoomFrame = Extract<DownFrame, { room: string }>;

export interface RoomsDeps extends Omit<RoomDeps, "join" | "leave" | "typing"> {
  send(frame: UpFrame): void;
}

/** The server's default limit (F5), until its welcome says which it is. */
const ROOMS_MAX = 128;

/**
 * The rooms of a client, and how far the server knows of them on the present connection. To join and to leave is
 * possible at any time; what could not be said then is said with the next `hello`, or after its `welcome`.
 */
export class Rooms {
  readonly #deps: RoomDeps;
  readonly #send: (frame: UpFrame) => void;
  readonly #rooms = new Map<string, RoomSession>();
  /** Who was asked for on the present connection. */
  readonly #asked = new Map<string, RoomSession>();
  /** Rooms whose `left` has not come: until then, their frames belong to nobody. */
  readonly #leaving = new Set<string>();
  /** Rooms that the server took the client out of: the next error about one of them says why. */
  readonly #putOut = new Map<string, RoomSession>();
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
    const canonical = parseRoomName(name);
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

  /** What a `hello` asks for. */
  requests(): JoinRequest[] {
    for (const [name, room] of this.#rooms) this.#asked.set(name, room);
    return [...this.#rooms.values()].map((room) => room.joinRequest());
  }

  /** The server has answered the `hello`; says what has changed since. */
  welcomed(max: number): void {
    this.#max = max;
    this.#welcomed = true;
    for (const [name, room] of this.#asked) if (this.#rooms.get(name) !== room) this.#retire(name);
    for (const [name, room] of this.#rooms) if (!this.#asked.has(name)) this.#join(room);
  }

  disconnected(): void {
    this.#welcomed = false;
    this.#asked.clear();
    this.#leaving.clear();
    this.#putOut.clear();
    for (const room of this.#rooms.values()) room.disconnected();
  }

  /** Rejects every pending send; the rooms stay. `keep`: so do the sends, for a later connection. */
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
        // Unasked: the server took the client out of the room.
        this.#rooms.delete(frame.room);
        this.#putOut.set(frame.room, room);
        return room.end(new MadangError("room_left"));
      case "typing":
        return room.onTyping(frame);
      default:
        return room.onEvent(frame);
    }
  }

  /** @returns whether that was all: an answer to a send or to a leave is no news to anybody else */
  onError(frame: ErrorFrame): boolean {
    const { room: name, nonce } = frame;
    if (nonce !== undefined) {
      // Of no room: an answer to a try before the last one, or to a send that was given up.
      const rooms = name === undefined ? [...this.#rooms.values()] : [this.#rooms.get(name)];
      for (const room of rooms) room?.onSendError(nonce, frame);
      return true;
    }
    // That the user is writing is said as well as may be; and it is no answer to a join or a leave.
    if (frame.field === "typing") return true;
    if (name !== undefined && this.#leaving.has(name)) {
      // The leave, or the join before it, was refused: either way this connection is not in there.
      this.#onLeft(name);
      return true;
    }
    // Only a leave is answered so: the client's own sign of life.
    if (frame.code === "not_joined") return true;
    if (name === undefined) return false;
    const putOut = this.#putOut.get(name);
    if (putOut) {
      this.#putOut.delete(name);
      putOut.onPutOut(frame);
      return false;
    }
    const room = this.#rooms.get(name);
    if (!room) return true;
    // Before anybody is told: a listener may want to join anew.
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
