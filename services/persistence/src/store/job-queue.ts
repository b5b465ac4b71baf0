import type { Person } from "@madang/protocol";
import type { Position } from "./position.ts";

export type JobSubject =
  | { readonly kind: "person"; readonly person: Person }
  | { readonly kind: "room"; readonly room: string };

/** An erasure. An instance continues it from its last saved step until it is done. */
export interface Job {
  readonly id: string;
  readonly subject: JobSubject;
  /** The erasure covers the log up to here. Absent before the job begins. */
  readonly upTo?: Position;
  /** The sequence up to which the log is already erased. */
  readonly erasedTo: number;
  readonly historyDone: boolean;
}

export interface JobState {
  readonly id: string;
  readonly kind: "person" | "room";
  readonly at: string;
  readonly done: boolean;
}

/** Erasures, each run by one instance at a time under a lease. */
export interface JobQueue {
  /**
   * Adds a job. While a job for a room is unfinished, every further call for that room returns the same job, also when
   * several instances call at once.
   * @returns the job's id
   */
  add(subject: JobSubject, at: string): Promise<string>;

  /** Whether an unfinished job erases this room. @throws ProtocolError `history_unavailable` */
  isErasing(room: string): Promise<boolean>;

  /**
   * Leases an unfinished job to `holder` for `leaseMs`. Jobs that never had a lease come first, the oldest of them
   * before the others. Then comes the job that has waited longest since its last lease. A job that keeps failing
   * therefore does not block the others.
   * @returns undefined when every unfinished job is leased
   */
  take(holder: string, leaseMs: number): Promise<Job | undefined>;

  /** Saves progress and renews the lease. @returns false when another instance holds the lease by now */
  save(job: Job, holder: string, leaseMs: number): Promise<boolean>;

  /** Marks a job as done and removes the name of its subject. */
  finish(id: string): Promise<void>;

  /** The newest jobs. */
  latest(limit: number): Promise<JobState[]>;

  get(id: string): Promise<JobState | undefined>;
}
