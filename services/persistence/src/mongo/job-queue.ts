import { randomUUID } from "node:crypto";
import type { Collection, Db, Filter } from "mongodb";
import type { Job, JobQueue, JobState, JobSubject } from "../store/job-queue.ts";
import type { Position } from "../store/position.ts";
import { isDuplicateKey, reading } from "./errors.ts";

interface JobDocument {
  _id: string;
  at: string;
  kind: JobSubject["kind"];
  subject?: JobSubject;
  upTo?: Position;
  erasedTo: number;
  historyDone: boolean;
  done: boolean;
  holder?: string;
  /** Unix time in ms by MongoDB's clock. */
  heldUntil?: number;
}

/** MongoDB's clock, because the clocks of instances differ and may be set while they run. */
const NOW_MS = { $toLong: "$$NOW" };

/**
 * Whether a lease has ended. A lease that ends later than any lease taken now was given before the clock was set back,
 * and counts as ended. If its holder is alive, the job only changes hands.
 */
function hasEnded(leaseMs: number): Filter<JobDocument> {
  const leftMs = { $subtract: ["$heldUntil", NOW_MS] };
  return { $expr: { $or: [{ $lt: [leftMs, 0] }, { $gt: [leftMs, leaseMs] }] } };
}

export class MongoJobQueue implements JobQueue {
  readonly #jobs: Collection<JobDocument>;

  constructor(db: Db) {
    this.#jobs = db.collection("jobs");
  }

  async add(subject: JobSubject, at: string): Promise<string> {
    if (subject.kind === "room") await this.#allowOneJobARoom();
    const same = subject.kind === "room" && (await this.#jobOf(subject.room));
    if (same) return same._id;
    const _id = randomUUID();
    const job: JobDocument = { _id, at, kind: subject.kind, subject, erasedTo: 0, historyDone: false, done: false };
    try {
      await this.#jobs.insertOne(job);
      return _id;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      // Another instance added its job first. If that job is done by now, it began before this call: add one more.
      return this.add(subject, at);
    }
  }

  isErasing(room: string): Promise<boolean> {
    return reading(async () => (await this.#jobOf(room)) !== null);
  }

  async take(holder: string, leaseMs: number): Promise<Job | undefined> {
    const free = { $or: [{ heldUntil: { $exists: false } }, hasEnded(leaseMs), { holder }] };
    const found = await this.#jobs.findOneAndUpdate(
      { done: false, ...free },
      [{ $set: { holder, heldUntil: { $add: [NOW_MS, leaseMs] } } }],
      // A job without a lease sorts first.
      { sort: { heldUntil: 1, at: 1 }, returnDocument: "after" },
    );
    if (!found) return undefined;
    const { _id: id, subject, upTo, erasedTo, historyDone } = found;
    return { id, subject: subject!, erasedTo, historyDone, ...(upTo ? { upTo } : {}) };
  }

  async save({ id, upTo, erasedTo, historyDone }: Job, holder: string, leaseMs: number): Promise<boolean> {
    const progress = { erasedTo, historyDone, ...(upTo ? { upTo } : {}) };
    const lease = { heldUntil: { $add: [NOW_MS, leaseMs] } };
    const { matchedCount } = await this.#jobs.updateOne({ _id: id, holder }, [{ $set: { ...progress, ...lease } }]);
    return matchedCount === 1;
  }

  async finish(id: string): Promise<void> {
    await this.#jobs.updateOne({ _id: id }, { $set: { done: true }, $unset: { subject: 1, holder: 1, heldUntil: 1 } });
  }

  async latest(limit: number): Promise<JobState[]> {
    return (await this.#jobs.find().sort({ at: -1 }).limit(limit).toArray()).map(jobState);
  }

  async get(id: string): Promise<JobState | undefined> {
    const found = await this.#jobs.findOne({ _id: id });
    return found ? jobState(found) : undefined;
  }

  #jobOf(room: string): Promise<JobDocument | null> {
    return this.#jobs.findOne({ done: false, "subject.room": room });
  }

  /**
   * A second job for a room would erase messages sent after the first one released the room's name. Creating an index
   * that exists costs nothing.
   */
  async #allowOneJobARoom(): Promise<void> {
    const partialFilterExpression = { done: false, "subject.room": { $exists: true } };
    const options = { name: "one job a room", unique: true, partialFilterExpression };
    await this.#jobs.createIndex({ "subject.room": 1 }, options).catch((error) => {
      // An earlier version left two jobs for one room. The index is created once they are done.
      if (!isDuplicateKey(error)) throw error;
    });
  }
}

function jobState({ _id, kind, at, done }: JobDocument): JobState {
  return { id: _id, kind, at, done };
}
