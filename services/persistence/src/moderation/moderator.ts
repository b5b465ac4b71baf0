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
import type { AdminStore } from "../store/admin-store.ts";
import type { AuditEntry } from "../store/audit-log.ts";
import type { JobQueue, JobSubject } from "../store/job-queue.ts";

/** The author of events that moderators cause. */
const MODERATOR = "moderator";
const BEING_DELETED = "This room is being deleted. Its name can be used again when the deletion is complete.";
/** Concurrent changes settle after one or two events. Any further change publishes its own event. */
const REPUBLISH_LIMIT = 5;

export interface RoomSettings {
  readonly topic: string;
  readonly status: RoomStatus;
  readonly slowModeS: number;
  /** 0 keeps messages for ever. */
  readonly retentionDays: number;
}

export type Act = MemberEvent["act"];

/** @throws ProtocolError `conflict` while the room is being erased: the erasure would undo any change, or be undone by it */
export async function requireNotErasing(jobs: Pick<JobQueue, "isErasing">, room: string): Promise<void> {
  if (await jobs.isErasing(room)) throw new ProtocolError("conflict", { message: BEING_DELETED });
}

/**
 * The acts of a moderator. An act first changes the rule, which the edges enforce from then on, and then publishes the
 * event that members see.
 *
 * Each act is written to the audit log before it begins, and then checks whether its room is being erased. An erasure
 * checks whether an act in its room has begun. If both start at once, at least one sees the other, so no act changes a
 * room that is being erased.
 */
export class Moderator {
  readonly #logAdmin: LogAdmin;
  readonly #store: Pick<AdminStore, "audit" | "erasure" | "jobs" | "search">;

  constructor(logAdmin: LogAdmin, store: Pick<AdminStore, "audit" | "erasure" | "jobs" | "search">) {
    this.#logAdmin = logAdmin;
    this.#store = store;
  }

  /**
   * Sets the given properties and leaves the others. Members get an event with the changed properties. If none of them
   * is visible to members, the event repeats the present state, for members that missed it.
   * @throws ProtocolError `conflict`
   */
  async setRoom(room: string, { topic, status, slowModeS, retentionDays }: Partial<RoomSettings>): Promise<void> {
    await requireNotErasing(this.#store.jobs, room);
    const detail = [
      status === undefined ? [] : `status ${status}`,
      slowModeS === undefined ? [] : `slow mode ${slowModeS} s`,
      retentionDays === undefined ? [] : `retention ${retentionDays === 0 ? "for ever" : `${retentionDays} days`}`,
      topic === undefined ? [] : `topic: ${topic}`,
    ].flat();
    return this.#act({ act: "room", room, detail: detail.join(", ") }, async (id, at) => {
      await requireNotErasing(this.#store.jobs, room);
      let now: RoomRule = { kind: "room", room, status: 0, slowModeS: 0 };
      await this.#logAdmin.change<RoomRule>(now, ({ retentionDays: kept = 0, ...rule }) => {
        const days = retentionDays ?? kept;
        now = { ...rule, status: status ?? rule.status, slowModeS: slowModeS ?? rule.slowModeS };
        if (days > 0) now = { ...now, retentionDays: days };
        return now;
      });
      const changed = {
        ...(topic === undefined ? {} : { topic }),
        ...(status === undefined ? {} : { status }),
        ...(slowModeS === undefined ? {} : { slowModeS }),
      };
      const present = { status: now.status, slowModeS: now.slowModeS };
      const visible = Object.keys(changed).length === 0 ? present : changed;
      await this.#logAdmin.publish({ type: "room", room, user: MODERATOR, ...visible, at }, id);
      await this.#republish(room, now, id, at);
    });
  }

  /**
   * When two moderators change a room at once, the event of the rule that holds may be the earlier one. Publishes the
   * present rule until it is the last event.
   */
  async #republish(room: string, published: RoomRule, id: string, at: string): Promise<void> {
    for (let [last, attempt] = [published, 1]; attempt <= REPUBLISH_LIMIT; attempt++) {
      const { status, slowModeS } = this.#logAdmin.rules.room(room) ?? last;
      if (status === last.status && slowModeS === last.slowModeS) return;
      last = { ...last, status, slowModeS };
      await this.#logAdmin.publish({ type: "room", room, user: MODERATOR, status, slowModeS, at }, `${id} ${attempt}`);
    }
  }

  /** Bans or mutes a person in a room, or everywhere when `room` is undefined; or lifts that. */
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
      // A rule that holds everywhere belongs to no room's log, and the edges tell only the person. A room that is being
      // erased has no members left, and an event would create it again.
      if (room === undefined || (await this.#store.jobs.isErasing(room))) return;
      const event: MemberEvent = { type: "member", room, ...plain(person), act, at };
      await this.#logAdmin.publish(until === undefined ? event : { ...event, until }, id);
    });
  }

  /**
   * Deletes a message: members get a delete event, history shows the message as deleted, and the log no longer has it.
   * @throws ProtocolError `bad_position`, `not_found`, `conflict`
   */
  async deleteMessage(room: string, position: string): Promise<void> {
    const parsed = parsePosition(position);
    if (!parsed) throw new ProtocolError("bad_position");
    // The position may belong to another room's message, and that room's members would get no event.
    if (!(await this.#store.search.hasMessage(room, parsed))) throw new ProtocolError("not_found");
    return this.#act({ act: "delete message", room, detail: position }, async (id, at) => {
      await requireNotErasing(this.#store.jobs, room);
      const { epoch } = await this.#logAdmin.log();
      if (epoch === parsed.epoch) {
        await this.#logAdmin.publish({ type: "delete", room, user: MODERATOR, target: parsed.seq, at }, id);
        await this.#logAdmin.erase(parsed.seq);
      }
      await this.#store.erasure.markDeleted(room, parsed, at);
    });
  }

  /** Starts an erasure, which then continues by itself until it is done. @returns the job's id */
  async erase(subject: JobSubject): Promise<string> {
    const at = new Date().toISOString();
    const job = await this.#store.jobs.add(subject, at);
    const about = subject.kind === "room" ? { room: subject.room } : { person: { user: "[to be erased]" } };
    const act = `erase ${subject.kind}`;
    await this.#store.audit.add({ id: entryId(at), at, act, ...about, detail: job, state: "done" });
    return job;
  }

  /** Records an act that changes nothing by itself. */
  note(entry: Pick<AuditEntry, "act" | "room" | "person" | "detail">): Promise<void> {
    return this.#act(entry, async () => {});
  }

  async #act(
    entry: Pick<AuditEntry, "act" | "room" | "person" | "detail">,
    work: (id: string, at: string) => Promise<void>,
  ): Promise<void> {
    const at = new Date().toISOString();
    const id = entryId(at);
    await this.#store.audit.add({ id, at, ...entry, state: "begun" });
    try {
      await work(id, at);
    } catch (error) {
      await this.#store.audit.finish(id, "failed");
      throw error;
    }
    await this.#store.audit.finish(id, "done");
  }
}

/** Ids of audit entries sort by time. */
function entryId(at: string): string {
  return `${at} ${randomUUID()}`;
}

function plain({ userId, user }: Person): { userId?: string; user: string } {
  return userId === undefined ? { user } : { userId, user };
}

/** The rules that ban or mute a person, including those that have expired. */
export function sanctioned(rules: readonly Rule[]): MemberRule[] {
  return rules.filter((rule): rule is MemberRule => rule.kind === "member" && (rule.ban ?? rule.mute) !== undefined);
}
