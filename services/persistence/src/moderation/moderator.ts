import { randomUUID } from "node:crypto";
import type { LogAdmin } from "@madang/broker";
import {
  type MemberEvent,
  type MemberRule,
  type Person,
  ProtocolError,
  parsePosition,
  type RoomRule,
  type RoomStatus,
  type Rule,
  type Sanction,
} from "@madang/protocol";
import type { AdminStore, AuditEntry, JobSubject } from "../store/admin-store.ts";

/** Shown as the author of what moderators do. */
const MODERATOR = "moderator";
const BEING_DELETED = "This room is being deleted. Its name may be used again when that is done.";
/** Who goes on changing it then says it themselves. */
const RETELL_LIMIT = 5;

export interface RoomSettings {
  readonly topic: string;
  readonly status: RoomStatus;
  readonly slowModeS: number;
  /** 0: for good. */
  readonly retentionDays: number;
}

export type Act = MemberEvent["act"];

/** @throws ProtocolError `conflict` for a room that is being erased: what is set or made of it now would go with it, or open it */
export async function requireNotErasing(store: Pick<AdminStore, "isErasing">, room: string): Promise<void> {
  if (await store.isErasing(room)) throw new ProtocolError("conflict", { message: BEING_DELETED });
}

/**
 * What a moderator can do. First the rule, which the edges enforce from then on; then the event, which the members see.
 * Each act is in the audit log before it is begun: it looks whether its room is being erased after that, and an erasure whether an
 * act in its room has begun. So one of two at once sees the other, and nothing is set of a room that goes.
 */
export class Moderator {
  readonly #logAdmin: LogAdmin;
  readonly #store: AdminStore;

  constructor(logAdmin: LogAdmin, store: AdminStore) {
    this.#logAdmin = logAdmin;
    this.#store = store;
  }

  /**
   * @param changes as it is to be, whatever it was; what is absent stays. The members are told what changes; where that
   * is nothing of theirs, how things are, for who missed it
   * @throws ProtocolError `conflict`
   */
  async setRoom(room: string, { topic, status, slowModeS, retentionDays }: Partial<RoomSettings>): Promise<void> {
    await requireNotErasing(this.#store, room);
    const detail = [
      status === undefined ? [] : `status ${status}`,
      slowModeS === undefined ? [] : `slow mode ${slowModeS} s`,
      retentionDays === undefined ? [] : `retention ${retentionDays || "for good"}`,
      topic === undefined ? [] : `topic: ${topic}`,
    ].flat();
    return this.#act({ act: "room", room, detail: detail.join(", ") }, async (id, at) => {
      await requireNotErasing(this.#store, room);
      let now: RoomRule = { kind: "room", room, status: 0, slowModeS: 0 };
      await this.#logAdmin.change<RoomRule>(now, ({ retentionDays: kept = 0, ...rule }) => {
        const days = retentionDays ?? kept;
        now = { ...rule, status: status ?? rule.status, slowModeS: slowModeS ?? rule.slowModeS };
        if (days > 0) now = { ...now, retentionDays: days };
        return now;
      });
      const told = {
        ...(topic === undefined ? {} : { topic }),
        ...(status === undefined ? {} : { status }),
        ...(slowModeS === undefined ? {} : { slowModeS }),
      };
      const all = { status: now.status, slowModeS: now.slowModeS };
      const said = Object.keys(told).length === 0 ? all : told;
      await this.#logAdmin.publish({ type: "room", room, user: MODERATOR, ...said, at }, id);
      await this.#tellAgain(room, now, id, at);
    });
  }

  /** Of two who set a room at once the later rule holds, and its event may be the earlier one: then what holds is said last. */
  async #tellAgain(room: string, told: RoomRule, id: string, at: string): Promise<void> {
    for (let [last, again] = [told, 1]; again <= RETELL_LIMIT; again++) {
      const { status, slowModeS } = this.#logAdmin.rules.room(room) ?? last;
      if (status === last.status && slowModeS === last.slowModeS) return;
      last = { ...last, status, slowModeS };
      await this.#logAdmin.publish({ type: "room", room, user: MODERATOR, status, slowModeS, at }, `${id} ${again}`);
    }
  }

  /** What somebody may not do any more, in a room or (without one) everywhere; or may again. */
  sanction(person: Person, room: string | undefined, act: Act, given: Omit<Sanction, "at">): Promise<void> {
    const { until } = given;
    const where = room === undefined ? "everywhere" : "in this room";
    const detail = [where, until && `until ${until}`, given.reason].filter(Boolean).join("; ");
    const entry = { act, person, detail, ...(room === undefined ? {} : { room }) };
    return this.#act(entry, async (id, at) => {
      const which = act === "ban" || act === "unban" ? "ban" : "mute";
      const lifts = act === "unban" || act === "unmute";
      const of: MemberRule = { kind: "member", ...plain(person), ...(room === undefined ? {} : { room }) };
      await this.#logAdmin.change(of, ({ [which]: _, ...rest }) => ({
        ...rest,
        ...(lifts ? {} : { [which]: { ...given, at } }),
      }));
      // What holds everywhere belongs to no room's log: the one it concerns is told, and nobody else. In a room that is being
      // erased nobody is left to be told, and the event would make it anew.
      if (room === undefined || (await this.#store.isErasing(room))) return;
      const event: MemberEvent = { type: "member", room, ...plain(person), act, at };
      await this.#logAdmin.publish(until === undefined ? event : { ...event, until }, id);
    });
  }

  /** Members see it go, history shows it as deleted, and nobody is given it again from the log. */
  async deleteMessage(room: string, text: string): Promise<void> {
    const position = parsePosition(text);
    if (!position) throw new ProtocolError("bad_position");
    // What stands there may be another room's, whose members would not be told.
    if (!(await this.#store.hasMessage(room, position))) throw new ProtocolError("not_found");
    return this.#act({ act: "delete message", room, detail: text }, async (id, at) => {
      await requireNotErasing(this.#store, room);
      const { epoch } = await this.#logAdmin.log();
      if (epoch === position.epoch) {
        await this.#logAdmin.publish({ type: "delete", room, user: MODERATOR, target: position.seq, at }, id);
        await this.#logAdmin.erase(position.seq);
      }
      await this.#store.markDeleted(room, position, at);
    });
  }

  /** Begins an erasure, which goes on by itself until it is done. @returns its id */
  async erase(subject: JobSubject): Promise<string> {
    const at = new Date().toISOString();
    const job = await this.#store.addJob(subject, at);
    const about = subject.kind === "room" ? { room: subject.room } : { person: { user: "[to be erased]" } };
    await this.#store.record({
      id: entryId(at),
      at,
      act: `erase ${subject.kind}`,
      ...about,
      detail: job,
      state: "done",
    });
    return job;
  }

  /** Notes something that changes nothing by itself. */
  note(entry: Pick<AuditEntry, "act" | "room" | "person" | "detail">): Promise<void> {
    return this.#act(entry, async () => {});
  }

  async #act(
    entry: Pick<AuditEntry, "act" | "room" | "person" | "detail">,
    work: (id: string, at: string) => Promise<void>,
  ): Promise<void> {
    const at = new Date().toISOString();
    const id = entryId(at);
    await this.#store.record({ id, at, ...entry, state: "begun" });
    try {
      await work(id, at);
    } catch (error) {
      await this.#store.finish(id, "failed");
      throw error;
    }
    await this.#store.finish(id, "done");
  }
}

/** Sorts by time. */
function entryId(at: string): string {
  return `${at} ${randomUUID()}`;
}

function plain({ userId, user }: Person): { userId?: string; user: string } {
  return userId === undefined ? { user } : { userId, user };
}

/** The rules that restrict somebody, or did until their time was over. */
export function sanctioned(rules: readonly Rule[]): MemberRule[] {
  return rules.filter((rule): rule is MemberRule => rule.kind === "member" && (rule.ban ?? rule.mute) !== undefined);
}
