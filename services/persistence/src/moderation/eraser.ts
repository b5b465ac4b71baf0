import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { LogAdmin } from "@madang/broker";
import type { RoomRule } from "@madang/protocol";
import type { Floor } from "../recovery/floor.ts";
import type { AdminStore } from "../store/admin-store.ts";
import type { Job } from "../store/job-queue.ts";
import { isBy } from "../store/person.ts";
import { comparePositions, type Position } from "../store/position.ts";

/** How long a job waits after its instance died. The instance renews its lease three times as often. */
const LEASE_MS = 15_000;
const POLL_MS = 2000;
const FLOOR_POLL_MS = 100;
/** How often old messages are removed. A new retention rule applies at once. */
const RETENTION_INTERVAL_MS = 3600_000;
/** A step may take longer than a shutdown waits. The instance that continues the job repeats it. */
const CLOSE_LIMIT_MS = 2000;
const DAY_MS = 24 * 3600_000;

interface Deps {
  readonly logAdmin: LogAdmin;
  readonly store: Pick<AdminStore, "audit" | "erasure" | "jobs">;
  readonly floor: Pick<Floor, "now">;
  readonly onFailure: (what: string, error: Error) => void;
}

/** Saves a job's progress and renews its lease. @throws Released */
type Save = (progress: Partial<Job>) => Promise<Job>;

/** This instance gives up the job for now: it lost the lease, it stops, or an act in the room is unfinished. */
class Released extends Error {}

/**
 * Runs erasures, one at a time, and removes messages older than their room's retention. Every step can be repeated: an
 * erasure that is interrupted continues from its last saved step, on any instance, until it is done.
 *
 * The order of the steps matters. Everything up to a fixed position of the log is first projected, because a later
 * projection would bring it back. It is then emptied in the store, and then removed from the log event by event, each
 * announced to the members before it is removed.
 */
export class Eraser {
  readonly #deps: Deps;
  readonly #holder = randomUUID();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** When retention is next enforced, by `performance.now()`. Never before the rules are known. */
  #retentionAt = Number.POSITIVE_INFINITY;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#running = this.#run();
    // Also called for each rule that is read at the start, when not all rules are known yet; `ready` covers that.
    deps.logAdmin.rules.onChange((rule) => {
      if (rule.kind === "room" && rule.retentionDays !== undefined) this.#retentionAt = 0;
    });
    deps.logAdmin.ready.then(
      () => {
        this.#retentionAt = 0;
      },
      () => {},
    );
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#running, delay(CLOSE_LIMIT_MS, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const job = await this.#deps.store.jobs.take(this.#holder, LEASE_MS);
        if (job) {
          await this.#runLeased(job);
          continue;
        }
        if (performance.now() >= this.#retentionAt) await this.#enforceRetention();
      } catch (error) {
        if (!(error instanceof Released)) this.#deps.onFailure("an erasure failed and will be retried", error as Error);
      }
      await delay(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Runs a leased job and renews the lease, so that no other instance takes the job during a long step. */
  async #runLeased(taken: Job): Promise<void> {
    let job = taken;
    const save: Save = async (progress) => {
      job = { ...job, ...progress };
      if (this.#stop.signal.aborted) throw new Released();
      if (!(await this.#deps.store.jobs.save(job, this.#holder, LEASE_MS))) throw new Released();
      return job;
    };
    // The next renewal makes up for a failed one, and the next saved step notices a lost lease.
    const renewal = setInterval(() => void save({}).catch(() => {}), LEASE_MS / 3);
    try {
      await this.#erase(taken, save);
    } finally {
      clearInterval(renewal);
    }
  }

  async #erase(taken: Job, save: Save): Promise<void> {
    const { logAdmin, store } = this.#deps;
    const { subject } = taken;
    if (subject.kind === "room") {
      // An act that has begun may still open the room or publish an event in it. An act that begins later sees the job.
      if (await store.audit.hasUnfinished(subject.room)) throw new Released();
      await this.#setClosed(subject.room, true);
    }
    const { epoch, firstSeq, lastSeq } = await logAdmin.log();
    let job = taken;
    // A log with another epoch must be searched from its beginning.
    if (job.upTo?.epoch !== epoch) job = await save({ upTo: { epoch, seq: lastSeq }, erasedTo: 0, historyDone: false });
    const upTo = job.upTo!;
    if (!job.historyDone) {
      await this.#untilProjected(upTo);
      // An instance that was suspended and lost its lease must notice before it erases messages that are newer.
      await save({});
      if (subject.kind === "room") await store.erasure.eraseRoom(subject.room, upTo);
      else await store.erasure.erasePerson(subject.person, new Date().toISOString());
      job = await save({ historyDone: true });
    }
    await this.#eraseFromLog(job, Math.max(firstSeq, job.erasedTo + 1), upTo, save);
    if (subject.kind === "room") await this.#eraseRest(job, subject.room, save);
    await store.jobs.finish(job.id);
  }

  /** Erases the subject's events between two sequences, both included, and saves the progress after each batch. */
  async #eraseFromLog({ id, subject }: Job, from: number, { epoch, seq: to }: Position, save: Save): Promise<void> {
    const { logAdmin, store } = this.#deps;
    for (let next = from; next <= to; ) {
      const records = await logAdmin.scan(subject.kind === "room" ? subject.room : undefined, next);
      const found = records.filter(
        ({ seq, data }) => seq <= to && (subject.kind === "room" || isBy(data, subject.person)),
      );
      if (subject.kind === "person") {
        const messages = found.flatMap(({ seq, data }) => {
          const room = roomOfMessage(data);
          return room === undefined ? [] : [{ room, position: { epoch, seq } }];
        });
        await store.erasure.eraseMessages(messages, new Date().toISOString());
        for (const { room, position } of messages) await this.#announce(id, room, position.seq);
      }
      for (const { seq } of found) await logAdmin.erase(seq);
      // An empty batch means that no event follows up to `to`. A replica may lag, but the log itself reported `to`.
      const erasedTo = records.length === 0 ? to : Math.min(records.at(-1)!.seq, to);
      await save({ erasedTo });
      next = erasedTo + 1;
    }
  }

  /**
   * Publishes the event that says that the room was deleted, erases every event before it, also those that were in
   * transit when the room was closed, and opens the room.
   */
  async #eraseRest({ id }: Job, room: string, save: Save): Promise<void> {
    const { logAdmin, store } = this.#deps;
    // With the lease still held, the room is still closed: events after the clearing belong to a new room of that name.
    await save({});
    const clearing = await this.#publishClearing(id, room);
    // A page of history then ends at the clearing or behind it, so a join from there is complete.
    await this.#untilProjected(clearing);
    for (let from = 1; from < clearing.seq; ) {
      const records = await logAdmin.scan(room, from);
      if (records.length === 0) break;
      for (const { seq } of records) if (seq < clearing.seq) await logAdmin.erase(seq);
      from = records.at(-1)!.seq + 1;
    }
    await save({});
    await store.erasure.eraseRoom(room, { ...clearing, seq: clearing.seq - 1 });
    await save({});
    await this.#setClosed(room, false);
  }

  async #setClosed(room: string, closed: boolean): Promise<void> {
    const open: RoomRule = { kind: "room", room, status: 0, slowModeS: 0 };
    const rule: RoomRule = closed ? { ...open, status: 2, deleted: true } : open;
    await this.#deps.logAdmin.change(rule, () => rule);
  }

  /** A repeat within the log's duplicate window returns the place of the first; later, the first is erased with the rest. */
  async #publishClearing(job: string, room: string): Promise<Position> {
    const { logAdmin } = this.#deps;
    const settings = { topic: "", status: 0, slowModeS: 0 } as const;
    const at = new Date().toISOString();
    const event = { type: "room", room, user: "moderator", ...settings, cleared: true, at } as const;
    const { seq } = await logAdmin.publish(event, `${job} cleared`);
    return { epoch: (await logAdmin.log()).epoch, seq };
  }

  /** Publishes a delete event, so that members' screens drop the message and its author. */
  async #announce(job: string, room: string, seq: number): Promise<void> {
    const at = new Date().toISOString();
    const event = { type: "delete", room, user: "moderator", target: seq, erased: true, at } as const;
    await this.#deps.logAdmin.publish(event, `${job} ${seq}`);
  }

  /** Resolves when every event up to the position is in the store. */
  async #untilProjected(position: Position): Promise<void> {
    while (comparePositions(await this.#deps.floor.now(position), position) < 0) {
      if (this.#stop.signal.aborted) throw new Released();
      await delay(FLOOR_POLL_MS);
    }
  }

  async #enforceRetention(): Promise<void> {
    this.#retentionAt = performance.now() + RETENTION_INTERVAL_MS;
    for (const rule of this.#deps.logAdmin.rules.all()) {
      if (rule.kind !== "room" || rule.retentionDays === undefined) continue;
      const before = new Date(Date.now() - rule.retentionDays * DAY_MS).toISOString();
      await this.#deps.store.erasure.eraseOlder(rule.room, before);
    }
  }
}

/** The room of a message; undefined for any other event. */
function roomOfMessage(data: Uint8Array): string | undefined {
  const { type, room } = JSON.parse(Buffer.from(data).toString("utf8")) as { type?: string; room?: string };
  return type === "message" && typeof room === "string" ? room : undefined;
}
