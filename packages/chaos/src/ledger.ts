import type { Acked } from "./sender.ts";
import type { StoredLog } from "./stored.ts";
import type { Segment, Told, View } from "./view.ts";

/** All that is known when it is quiet again. */
export interface Books {
  readonly acked: readonly Acked[];
  readonly views: readonly View[];
  readonly log: StoredLog;
  /** History of each room, in its order. */
  readonly history: ReadonlyMap<string, readonly Told[]>;
  readonly answeredTwice: number;
  /**
   * When the log was made anew, in ms of performance.now(): what was acknowledged before is in history only, except what
   * was not yet projected, which went with the log.
   */
  readonly remadeAt: readonly number[];
}

export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged, and missing in the log, in history, or in what a member was told. */
  readonly lost: number;
  /** Stored, kept or told more than once. */
  readonly duplicated: number;
  /** Told or stored out of the room's order, or out of its sender's. */
  readonly disordered: number;
  /** Acknowledged by a log that was deleted before it was projected: the operator's loss, not ours. */
  readonly goneWithLog: number;
  /** One line each, the first of each kind. */
  readonly problems: readonly string[];
}

type Kind = "lost" | "duplicated" | "disordered";

/** Compares every member's view, the stream and MongoDB, and all of them with what was acknowledged. */
export function audit(books: Books): Verdict {
  const counts: Record<Kind, number> = { lost: 0, duplicated: 0, disordered: 0 };
  const problems: string[] = [];
  const report = (kind: Kind, text: string) => {
    counts[kind]++;
    if (problems.length < 40) problems.push(`${kind}: ${text}`);
  };

  const goneWithLog = checkAcknowledged(books, report);
  for (const [room, stored] of books.log.rooms) {
    checkUnique(`the log of ${room}`, stored, report);
    checkSenders(`the log of ${room}`, stored, report);
    const history = books.history.get(room) ?? [];
    checkUnique(`the history of ${room}`, history, report);
    const present = history.filter(({ epoch }) => epoch === books.log.epoch);
    // A repeat whose first try an earlier log had taken: history keeps the first.
    const before = new Set(history.filter(({ epoch }) => epoch !== books.log.epoch).map(({ nonce }) => nonce));
    const due = stored.filter(({ nonce }) => !before.has(nonce));
    compare(`the history of ${room}`, present, due, report);
  }
  for (const view of books.views) checkView(view, books, report);
  if (books.answeredTwice > 0) report("duplicated", `${books.answeredTwice} sends were answered twice`);
  return { acknowledged: books.acked.length, ...counts, goneWithLog, problems };
}

type Report = (kind: Kind, text: string) => void;

/** A log that is deleted may still acknowledge what it has taken before. */
const LAST_WORDS_MS = 1000;

/** @returns how many went with a deleted log */
function checkAcknowledged({ acked, log, history, remadeAt }: Books, report: Report): number {
  const places = new Map<string, Told>();
  for (const [room, stored] of log.rooms) for (const told of stored) places.set(placeKey(room, told), told);
  const kept = new Map<string, Told>();
  for (const [room, stored] of history) for (const told of stored) kept.set(placeKey(room, told), told);
  const everKept = new Set([...history.values()].flatMap((stored) => stored.map(({ nonce }) => nonce)));
  const lastRemade = Math.max(...remadeAt) + LAST_WORDS_MS;
  let gone = 0;
  for (const ack of acked) {
    const where = `${ack.nonce}, acknowledged as ${ack.epoch}.${ack.seq}`;
    if (ack.epoch === log.epoch) {
      if (places.get(placeKey(ack.room, ack))?.nonce !== ack.nonce) report("lost", `${where}, is not in the log`);
    } else if (ack.at > lastRemade) {
      report("lost", `${where}, is of another log`);
    }
    if (kept.get(placeKey(ack.room, ack))?.nonce === ack.nonce) continue;
    if (remadeAt.length > 0 && everKept.has(ack.nonce)) continue;
    if (ack.epoch !== log.epoch && ack.at < lastRemade) gone++;
    else report("lost", `${where}, is not in history`);
  }
  return gone;
}

/** Nothing twice, neither by place nor by what its sender called it. */
function checkUnique(name: string, told: readonly Told[], report: Report): void {
  const seen = new Set<string>();
  for (const { epoch, seq, user, nonce } of told) {
    for (const key of [`${epoch}.${seq}`, ...(nonce ? [`${epoch} ${user} ${nonce}`] : [])]) {
      if (seen.has(key)) report("duplicated", `${key} in ${name}`);
      seen.add(key);
    }
  }
}

/** Texts begin with their number by sender and room. */
function checkSenders(name: string, stored: readonly Told[], report: Report): void {
  const last = new Map<string, number>();
  for (const { user, message, seq } of stored) {
    const number = Number(/^#(\d+) /.exec(message)?.[1] ?? 0);
    if (number <= (last.get(user) ?? 0)) {
      report("disordered", `${user}'s ${number} (seq ${seq}) after its ${last.get(user)} in ${name}`);
    }
    last.set(user, Math.max(number, last.get(user) ?? 0));
  }
}

function checkView(view: View, { log }: Books, report: Report): void {
  const name = `${view.member}'s view of ${view.room}`;
  const stored = log.rooms.get(view.room) ?? [];
  checkUnique(
    name,
    view.segments.flatMap(({ told }) => told),
    report,
  );
  view.segments.forEach((segment, index) => {
    if (segment.epoch !== log.epoch) return;
    compare(name, segment.told, expected(segment, view.segments[index + 1], stored), report);
  });
}

/** What a segment is to hold: it ends where the next one of the same epoch began, or at the log's end. */
function expected({ epoch, after }: Segment, next: Segment | undefined, stored: readonly Told[]): Told[] {
  const until = next?.epoch === epoch ? next.after : Number.POSITIVE_INFINITY;
  return stored.filter(({ seq }) => seq > after && seq <= until);
}

/** The same messages with the same content in the same order. */
function compare(name: string, told: readonly Told[], stored: readonly Told[], report: Report): void {
  const bySeq = new Map(told.map((each) => [each.seq, each]));
  for (const each of stored) {
    const seen = bySeq.get(each.seq);
    if (!seen) report("lost", `${each.nonce} (seq ${each.seq}) in ${name}`);
    else if (seen.nonce !== each.nonce || seen.user !== each.user || seen.message !== each.message) {
      report("lost", `seq ${each.seq} is another message in ${name}`);
    }
  }
  const known = new Set(stored.map(({ seq }) => seq));
  let last = 0;
  for (const { seq } of told) {
    if (seq < last) report("disordered", `seq ${seq} after ${last} in ${name}`);
    else if (!known.has(seq)) report("duplicated", `seq ${seq}, which the log does not hold, in ${name}`);
    last = seq;
  }
}

function placeKey(room: string, { epoch, seq }: { epoch: string; seq: number }): string {
  return `${room}\n${epoch}.${seq}`;
}
