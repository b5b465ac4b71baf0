import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { LogAdmin } from "@madang/broker";
import type { RoomRule } from "@madang/protocol";
import type { Floor } from "../recovery/floor.ts";
import type { AdminStore, Job } from "../store/admin-store.ts";
import { isBy } from "../store/person.ts";
import { comparePositions, type Position } from "../store/position.ts";

/** How soon a job goes on that an instance died over. Renewed at each third of it, however long a step takes. */
const HOLD_MS = 15_000;
const TICK_MS = 2000;
const FLOOR_POLL_MS = 100;
/** Messages grow old meanwhile. A retention that is new is held to at once. */
const RETENTION_INTERVAL_MS = 3600_000;
/** A step may take long. Cut off, it is repeated by whoever goes on. */
const CLOSE_LIMIT_MS = 2000;
const DAY_MS = 24 * 3600_000;

interface Deps {
  readonly logAdmin: LogAdmin;
  readonly store: AdminStore;
  readonly floor: Pick<Floor, "now">;
  readonly onFailure: (what: string, error: Error) => void;
}

/** Saves how far a job is, and has it ours for another while. @throws LetGo */
type Save = (step: Partial<Job>) => Promise<Job>;

/** The job is somebody else's now, or this process is to stop, or something has to end first: it goes on elsewhere, or later. */
class LetGo extends Error {}

/**
 * Does erasures, one at a time, each step of which may be repeated: whatever is killed, a job goes on from its last
 * saved step until it is done. Also removes what is older than its room's retention.
 *
 * The order matters. Up to a fixed position of the log: first all of it is in the store (or what comes later would bring
 * it back), then it is emptied there, then in the log, event by event, each announced to the members before it is gone.
 */
export class Eraser {
  readonly #deps: Deps;
  readonly #holder = randomUUID();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Not before the rules are known. */
  #sweepAt = Number.POSITIVE_INFINITY;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#running = this.#run();
    // Also of each rule that is read at the start; until all are known there are none to be swept by.
    deps.logAdmin.rules.onChange((rule) => {
      if (rule.kind === "room" && rule.retentionDays !== undefined) this.#sweepAt = 0;
    });
    deps.logAdmin.opened.then(
      () => {
        this.#sweepAt = 0;
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
        const job = await this.#deps.store.takeJob(this.#holder, HOLD_MS);
        if (job) {
          await this.#hold(job);
          continue;
        }
        if (performance.now() >= this.#sweepAt) await this.#sweep();
      } catch (error) {
        if (!(error instanceof LetGo)) this.#deps.onFailure("an erasure waits", error as Error);
      }
      await delay(TICK_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Does a job that is ours, and keeps it so: two who take a long step from each other would never get past it. */
  async #hold(taken: Job): Promise<void> {
    let job = taken;
    const save: Save = async (step) => {
      job = { ...job, ...step };
      if (this.#stop.signal.aborted) throw new LetGo();
      if (!(await this.#deps.store.saveJob(job, this.#holder, HOLD_MS))) throw new LetGo();
      return job;
    };
    // One that fails is made up for by the next; that the job is lost shows when a step is saved.
    const renewal = setInterval(() => void save({}).catch(() => {}), HOLD_MS / 3);
    try {
      await this.#do(taken, save);
    } finally {
      clearInterval(renewal);
    }
  }

  async #do(taken: Job, save: Save): Promise<void> {
    const { logAdmin, store } = this.#deps;
    const { subject } = taken;
    if (subject.kind === "room") {
      // What a moderator has begun may still open the room, or speak of it. One that began later knows of the job.
      if (await store.isActing(subject.room)) throw new LetGo();
      await this.#setClosed(subject.room, true);
    }
    const { epoch, firstSeq, lastSeq } = await logAdmin.log();
    let job = taken;
    // A log that was made anew meanwhile has to be looked through as well.
    if (job.upTo?.epoch !== epoch) job = await save({ upTo: { epoch, seq: lastSeq }, erasedTo: 0, historyDone: false });
    const upTo = job.upTo!;
    if (!job.historyDone) {
      await this.#projected(upTo);
      // Whoever has stood still and lost the job is to know before there is something new to be erased.
      await save({});
      if (subject.kind === "room") await store.eraseRoom(subject.room, upTo);
      else await store.erasePerson(subject.person, new Date().toISOString());
      job = await save({ historyDone: true });
    }
    await this.#eraseFromLog(job, Math.max(firstSeq, job.erasedTo + 1), upTo, save);
    if (subject.kind === "room") await this.#eraseRest(subject.room, save);
    await store.finishJob(job.id);
  }

  /** From one sequence to another, both included; saves how far it is after each bite. */
  async #eraseFromLog({ id, subject }: Job, from: number, { epoch, seq: to }: Position, save: Save): Promise<void> {
    const { logAdmin, store } = this.#deps;
    for (let next = from; next <= to; ) {
      const records = await logAdmin.scan(subject.kind === "room" ? subject.room : undefined, next);
      const theirs = records.filter(
        ({ seq, data }) => seq <= to && (subject.kind === "room" || isBy(data, subject.person)),
      );
      if (subject.kind === "person") {
        const messages = theirs.flatMap(({ seq, data }) => {
          const room = roomOfMessage(data);
          return room === undefined ? [] : [{ room, position: { epoch, seq } }];
        });
        await store.eraseMessagesAt(messages, new Date().toISOString());
        for (const { room, position } of messages) await this.#announce(id, room, position.seq);
      }
      for (const { seq } of theirs) await logAdmin.erase(seq);
      // Nothing was found between here and what is asked for: a replica's answer may be late, the log's own end is not.
      const erasedTo = records.length === 0 ? to : Math.min(records.at(-1)!.seq, to);
      await save({ erasedTo });
      next = erasedTo + 1;
    }
  }

  /** What was on its way when the room was closed, and the room's last events. Then the name is free again. */
  async #eraseRest(room: string, save: Save): Promise<void> {
    const { logAdmin, store } = this.#deps;
    const { epoch, lastSeq } = await logAdmin.log();
    const end = { epoch, seq: lastSeq };
    // The job was ours until after that, so the room closed: what is beyond the end is of its next life.
    await save({});
    await this.#projected(end);
    for (let from = 1; from <= lastSeq; ) {
      const records = await logAdmin.scan(room, from);
      if (records.length === 0) break;
      for (const { seq } of records) if (seq <= lastSeq) await logAdmin.erase(seq);
      from = records.at(-1)!.seq + 1;
    }
    await save({});
    await store.eraseRoom(room, end);
    await save({});
    await this.#setClosed(room, false);
  }

  async #setClosed(room: string, closed: boolean): Promise<void> {
    const rule: RoomRule = { kind: "room", room, status: closed ? 2 : 0, slowModeS: 0 };
    await this.#deps.logAdmin.change(rule, () => rule);
  }

  /** Members who have the message on their screens see it go. */
  async #announce(job: string, room: string, seq: number): Promise<void> {
    const at = new Date().toISOString();
    await this.#deps.logAdmin.publish({ type: "delete", room, user: "moderator", target: seq, at }, `${job} ${seq}`);
  }

  /** Resolves when everything up to there is in the store. */
  async #projected(position: Position): Promise<void> {
    while (comparePositions(await this.#deps.floor.now(position), position) < 0) {
      if (this.#stop.signal.aborted) throw new LetGo();
      await delay(FLOOR_POLL_MS);
    }
  }

  async #sweep(): Promise<void> {
    this.#sweepAt = performance.now() + RETENTION_INTERVAL_MS;
    for (const rule of this.#deps.logAdmin.rules.all()) {
      if (rule.kind !== "room" || rule.retentionDays === undefined) continue;
      const before = new Date(Date.now() - rule.retentionDays * DAY_MS).toISOString();
      await this.#deps.store.eraseOlder(rule.room, before);
    }
  }
}

/** The room of a message; undefined for any other event. */
function roomOfMessage(data: Uint8Array): string | undefined {
  const { type, room } = JSON.parse(Buffer.from(data).toString("utf8")) as { type?: string; room?: string };
  return type === "message" && typeof room === "string" ? room : undefined;
}
