/** What the admin page and its jobs keep and look at. Every method may take long on a large store: nothing waits for it but its asker. */
import type { HistoryMessage, Person, Room } from "@madang/protocol";
import type { DeadLetter } from "./changes.ts";
import type { Position } from "./position.ts";

/** One act of a moderator. Entries are added and finished, never changed or removed. */
export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly act: string;
  readonly room?: string;
  readonly person?: Person;
  readonly detail?: string;
  /** "interrupted": the process ended in the middle, and the act may have been done. */
  readonly state: "begun" | "done" | "failed" | "interrupted";
}

/** A search; what is absent does not restrict. */
export interface MessageSearch {
  readonly room?: string;
  readonly text?: string;
  /** A name shown, or an id. */
  readonly person?: string;
}

/** A message as a moderator sees it: with the text of what was deleted, unless it was erased. */
export interface FoundMessage extends HistoryMessage {
  readonly room: string;
}

export interface StoredDeadLetter extends DeadLetter {
  readonly id: string;
  readonly at: string;
}

export type JobSubject =
  | { readonly kind: "person"; readonly person: Person }
  | { readonly kind: "room"; readonly room: string };

/** An erasure, which is repeated from where it stands until it is done, by whichever instance. */
export interface Job {
  readonly id: string;
  readonly subject: JobSubject;
  /** Everything up to here is to be erased; absent: not begun. */
  readonly upTo?: Position;
  /** The log is erased up to here. */
  readonly erasedTo: number;
  readonly historyDone: boolean;
}

export interface JobState {
  readonly id: string;
  readonly kind: "person" | "room";
  readonly at: string;
  readonly done: boolean;
}

export interface AdminStore {
  /** In the order of their names. @throws ProtocolError `history_unavailable` when it takes too long */
  searchRooms(text: string, after: string | undefined, limit: number): Promise<Room[]>;
  countRooms(): Promise<number>;

  /** Newest first in one room; over all rooms in no particular order. @throws ProtocolError `history_unavailable` when it takes too long */
  searchMessages(search: MessageSearch, before: Position | undefined, limit: number): Promise<FoundMessage[]>;
  /** All that a person said that is still there. */
  messagesOf(person: Person): AsyncIterable<FoundMessage>;
  /** Whether a message of this room is at that position, deleted or not. */
  hasMessage(room: string, position: Position): Promise<boolean>;
  /** For messages of an earlier log, which no event can speak of any more. */
  markDeleted(room: string, position: Position, at: string): Promise<void>;

  letters(after: string | undefined, limit: number): Promise<StoredDeadLetter[]>;
  letter(id: string): Promise<StoredDeadLetter | undefined>;
  removeDeadLetter(id: string): Promise<void>;
  countDeadLetters(): Promise<number>;

  record(entry: AuditEntry): Promise<void>;
  finish(id: string, state: "done" | "failed"): Promise<void>;
  /** Whether an act in this room has begun that has not ended. */
  isActing(room: string): Promise<boolean>;
  /** Acts that began between the two times (ISO 8601) and have not ended are interrupted. */
  interrupt(from: string, before: string): Promise<void>;
  audit(before: string | undefined, limit: number): Promise<AuditEntry[]>;

  /** Of a room that is being erased there is one job, whoever asks once more, and of many at once. @returns the job's id */
  addJob(subject: JobSubject, at: string): Promise<string>;
  /** @throws ProtocolError `history_unavailable` */
  isErasing(room: string): Promise<boolean>;
  /**
   * One that is not done, for `holder` alone for `holdMs`; undefined: there is none that nobody holds. Of several the oldest
   * that nobody had yet, else whichever was had longest ago: one that keeps failing holds up no other.
   */
  takeJob(holder: string, holdMs: number): Promise<Job | undefined>;
  /** Holds it for as long again. False when somebody else holds it by now. */
  saveJob(job: Job, holder: string, holdMs: number): Promise<boolean>;
  /** Forgets whom it was about. */
  finishJob(id: string): Promise<void>;
  jobs(limit: number): Promise<JobState[]>;
  job(id: string): Promise<JobState | undefined>;

  /** Empties what a person said and replaces the name; in dead letters and the audit log, too. Idempotent. */
  erasePerson(person: Person, at: string): Promise<void>;
  /** Empties these messages for good, whether they are there or come once more: a sender's repetition, that was dropped, too. Idempotent. */
  eraseMessagesAt(
    positions: readonly { readonly room: string; readonly position: Position }[],
    at: string,
  ): Promise<void>;
  /** Removes a room, all that was said in it up to there, and its dead letters. Idempotent. */
  eraseRoom(room: string, upTo: Position): Promise<void>;
  /** Removes messages older than `before` (ISO 8601). @returns how many */
  eraseOlder(room: string, before: string): Promise<number>;

  /** Idempotent. */
  close(): Promise<void>;
}

/** Stands where the name of a person stood whose data was erased. */
export const ERASED_NAME = "[erased]";
