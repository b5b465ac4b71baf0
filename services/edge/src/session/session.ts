import type { Identity } from "@madang/auth";
import type { Stored } from "@madang/broker";
import type { CloseReason, Position, ProtocolError } from "@madang/protocol";
import { closeReason, type GuardedSession } from "../access/guard.ts";
import type { ModeratedSession } from "../access/moderation.ts";
import type { Member, MemberClient } from "../rooms/member.ts";
import type { Connection } from "../socket/connection.ts";
import { Allowance } from "./allowance.ts";
import { PendingAnswers } from "./pending-answers.ts";
import type { EdgeServices } from "./services.ts";

/** With this many submissions pending, the connection reads no further frames until half of them are answered. */
const MAX_PENDING = 128;

/** What a client is on this edge, for as long as its connection lives: its identity, its rooms, its pending answers. */
export class Session implements GuardedSession, ModeratedSession, MemberClient {
  readonly services: EdgeServices;
  readonly connection: Connection;
  /** P1: a client of the tutorial's protocol, in the one room of its URL. */
  readonly isPlain: boolean;
  readonly members = new Map<string, Member>();
  readonly allowance: Allowance;
  /** The name of the speaker. Hello sets it; it stays undefined in the plain protocol, whose messages each name a user. */
  user: string | undefined;
  /** The name last used here: without a token, moderation knows a client by it. */
  spokenAs: string | undefined;
  /** Undefined until the handshake or hello has authenticated the client. */
  identity: Identity | undefined;
  readonly #pending = new PendingAnswers();
  /** Rooms that the client has left while answers were pending. */
  #left: Set<string> | undefined;
  /** Frames that arrived while a token is checked. */
  #held: (() => void)[] | undefined;
  #isBusy = false;
  #plainMessages = 0;

  constructor(services: EdgeServices, connection: Connection, isPlain: boolean) {
    this.services = services;
    this.connection = connection;
    this.isPlain = isPlain;
    this.allowance = new Allowance(services.settings.limits);
  }

  get address(): string {
    return this.connection.address;
  }

  get isClosed(): boolean {
    return this.connection.isClosed;
  }

  isOf({ user, userId }: { readonly user: string; readonly userId?: string }): boolean {
    return userId === undefined ? this.user === user : this.identity?.userId === userId;
  }

  /** A publish id for a message without a nonce. */
  nextPublishId(): string {
    return `${this.connection.id}-${this.#plainMessages++}`;
  }

  /** Joins a room, or moves to another position in a room that is joined already. */
  join(room: string, after: Position | undefined): void {
    this.members.get(room)?.leave();
    this.members.set(room, this.services.hub.join(this, room, after));
  }

  /** Leaves a room and tells the client. False when the client is not in there. */
  leave(room: string): boolean {
    const member = this.members.get(room);
    if (!member) return false;
    member.leave();
    this.members.delete(room);
    if (this.#pending.count > 0) this.#left = (this.#left ?? new Set()).add(room);
    this.connection.send({ type: "left", room });
    return true;
  }

  /**
   * Counts a submission until it is answered; while too many are pending, the connection reads no further.
   * `answer` and `refuse` run before the next submission of this session is answered.
   */
  track(stored: Promise<Stored>, answer: (stored: Stored) => void, refuse: (error: unknown) => void): void {
    this.#pending.add();
    this.#regulateReading();
    stored.then(
      (place) => {
        this.#settle();
        answer(place);
      },
      (error: unknown) => {
        this.#settle();
        refuse(error);
      },
    );
  }

  /**
   * Holds back further frames until `check` is done, since what they may do depends on it: their order stays. A failed
   * check closes the connection.
   */
  hold(check: Promise<void>): void {
    this.#held = [];
    this.#regulateReading();
    const fail = (error: unknown) => {
      this.connection.sendError(error);
      this.close(closeReason(error));
    };
    void check.catch(fail).then(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const handle of held) handle();
      this.#regulateReading();
    });
  }

  /** True when frames are held back: then `handle` runs once they are released. */
  defer(handle: () => void): boolean {
    return this.#held !== undefined && this.#held.push(handle) > 0;
  }

  /**
   * Counts a frame that was refused. A client that goes on regardless is closed (3013).
   * @param unreadableBytes the size of a frame that could not be decoded
   */
  refused(unreadableBytes?: number): void {
    if (this.allowance.toleratesRefusal(unreadableBytes)) return;
    this.connection.expel("tooManyRequests");
    this.services.guard.addressLimits.expelled(this.address);
  }

  close(reason: CloseReason): void {
    this.connection.close(reason);
  }

  remove(reason: ProtocolError): void {
    this.connection.sendError(reason);
    this.close("removed");
  }

  removeFrom(room: string, reason: ProtocolError): void {
    if (!this.isPlain) {
      if (this.leave(room)) this.connection.sendError(reason, { room });
    } else if (this.members.has(room)) {
      this.remove(reason);
    }
  }

  /**
   * Sends the client away: the connection reads no further, pending submissions are answered (after `limitMs` with
   * `log_unavailable`), the client learns when to reconnect, and the connection closes with 1012.
   */
  async drain(limitMs: number, reconnectAfterMs: number): Promise<void> {
    if (!this.connection.stopReading()) return;
    await this.#answerPending(limitMs);
    if (!this.isPlain) this.connection.send({ type: "drain", reconnectAfter: reconnectAfterMs });
    this.close("serviceRestart");
  }

  /** Waits for pending answers, at most `limitMs`; `undefined` when there is nothing to wait for. */
  answerAll(limitMs: number): Promise<void> | undefined {
    return this.#pending.count === 0 && !this.isPlain ? undefined : this.#answerPending(limitMs);
  }

  /** The connection is closed. */
  end(): void {
    for (const member of this.members.values()) member.leave();
    this.members.clear();
  }

  async #answerPending(limitMs: number): Promise<void> {
    if (!(await this.#pending.settled(limitMs))) await this.#abandon();
    if (this.isPlain) await Promise.all([...this.members.values()].map((member) => member.echoed(limitMs)));
  }

  /** Fails every pending submission now: whether the log stored it is unknown. */
  async #abandon(): Promise<void> {
    const { log } = this.services;
    for (const room of [...this.members.keys(), ...(this.#left ?? [])]) log.lane(room, this.connection.id).abandon();
    // The rejected submissions write their answers in this turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #settle(): void {
    this.#pending.settle();
    this.#regulateReading();
    if (this.#pending.count === 0) this.#left = undefined;
  }

  #regulateReading(): void {
    this.#isBusy = this.#pending.count >= (this.#isBusy ? MAX_PENDING / 2 : MAX_PENDING);
    this.connection.holdReading(this.#isBusy || this.#held !== undefined);
  }
}
