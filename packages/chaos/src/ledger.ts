import type { Acked } from "./sender.ts";
import type { StoredLog } from "./stored.ts";
import type { MessageRecord, Segment, View } from "./view.ts";

/** All observations of a trial, once every send is answered. */
export interface Evidence {
  readonly acked: readonly Acked[];
  readonly views: readonly View[];
  readonly log: StoredLog;
  /** The history of each room, in order. */
  readonly history: ReadonlyMap<string, readonly MessageRecord[]>;
  readonly answeredTwice: number;
  /**
   * The times of the log's deletion, in ms of performance.now(). Messages acknowledged before are in history only. Those
   * that were not stored yet are lost with the log.
   */
  readonly deletedAt: readonly number[];
}

export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged messages that are missing in the log, in history or in a member's view. */
  readonly lost: number;
  /** Messages that are stored or received more than once. */
  readonly duplicated: number;
  /** Messages that are stored or received out of the room's order or their sender's. */
  readonly disordered: number;
  /** Messages of a log that was deleted before they were stored: the operator's loss, not Madang's. */
  readonly goneWithLog: number;
  /** One line each, for the first 40. */
  readonly problems: readonly string[];
}

type Kind = "lost" | "duplicated" | "disordered";

/** Compares the views of all members, the log, history and the acknowledgements. */
export function audit(evidence: Evidence): Verdict {
  const counts: Record<Kind, number> = { lost: 0, duplicated: 0, disordered: 0 };
  const problems: string[] = [];
  const report = (kind: Kind, text: string) => {
    counts[kind]++;
    if (problems.length < 40) problems.push(`${kind}: ${text}`);
  };

  const goneWithLog = checkAcknowledged(evidence, report);
  for (const [room, stored] of evidence.log.rooms) {
    checkUnique(`the log of ${room}`, stored, report);
    checkSenders(`the log of ${room}`, stored, report);
    const history = evidence.history.get(room) ?? [];
    checkUnique(`the history of ${room}`, history, report);
    const present = history.filter(({ epoch }) => epoch === evidence.log.epoch);
    // A message that an earlier log had already taken: history keeps the first copy.
    const before = new Set(history.filter(({ epoch }) => epoch !== evidence.log.epoch).map(({ nonce }) => nonce));
    const expectedHistory = stored.filter(({ nonce }) => !before.has(nonce));
    compare(`the history of ${room}`, present, expectedHistory, report);
  }
  for (const view of evidence.views) checkView(view, evidence, report);
  if (evidence.answeredTwice > 0) report("duplicated", `${evidence.answeredTwice} sends were answered twice`);
  return { acknowledged: evidence.acked.length, ...counts, goneWithLog, problems };
}

type Report = (kind: Kind, text: string) => void;

/** A deleted log may still acknowledge messages that it took before. */
const LATE_ACKS_MS = 1000;

/** @returns the number of messages that were lost with a deleted log */
function checkAcknowledged({ acked, log, history, deletedAt }: Evidence, report: Report): number {
  const places = new Map<string, MessageRecord>();
  for (const [room, stored] of log.rooms) for (const message of stored) places.set(placeKey(room, message), message);
  const kept = new Map<string, MessageRecord>();
  for (const [room, stored] of history) for (const message of stored) kept.set(placeKey(room, message), message);
  const everKept = new Set([...history.values()].flatMap((stored) => stored.map(({ nonce }) => nonce)));
  const lastDeleted = Math.max(...deletedAt) + LATE_ACKS_MS;
  let gone = 0;
  for (const ack of acked) {
    const where = `${ack.nonce}, acknowledged as ${ack.epoch}.${ack.seq}`;
    if (ack.epoch === log.epoch) {
      if (places.get(placeKey(ack.room, ack))?.nonce !== ack.nonce) report("lost", `${where}, is not in the log`);
    } else if (ack.at > lastDeleted) {
      report("lost", `${where}, belongs to another log`);
    }
    if (kept.get(placeKey(ack.room, ack))?.nonce === ack.nonce) continue;
    if (deletedAt.length > 0 && everKept.has(ack.nonce)) continue;
    if (ack.epoch !== log.epoch && ack.at < lastDeleted) gone++;
    else report("lost", `${where}, is not in history`);
  }
  return gone;
}

/** No position and no nonce of a sender may occur twice. */
function checkUnique(name: string, messages: readonly MessageRecord[], report: Report): void {
  const seen = new Set<string>();
  for (const { epoch, seq, user, nonce } of messages) {
    for (const key of [`${epoch}.${seq}`, ...(nonce ? [`${epoch} ${user} ${nonce}`] : [])]) {
      if (seen.has(key)) report("duplicated", `${key} in ${name}`);
      seen.add(key);
    }
  }
}

/** Each text begins with a number that grows per sender and room. */
function checkSenders(name: string, stored: readonly MessageRecord[], report: Report): void {
  const last = new Map<string, number>();
  for (const { user, message, seq } of stored) {
    const number = Number(/^#(\d+) /.exec(message)?.[1] ?? 0);
    if (number <= (last.get(user) ?? 0)) {
      report("disordered", `${user}'s ${number} (seq ${seq}) after its ${last.get(user)} in ${name}`);
    }
    last.set(user, Math.max(number, last.get(user) ?? 0));
  }
}

function checkView(view: View, { log }: Evidence, report: Report): void {
  const name = `${view.member}'s view of ${view.room}`;
  const stored = log.rooms.get(view.room) ?? [];
  checkUnique(
    name,
    view.segments.flatMap(({ received }) => received),
    report,
  );
  view.segments.forEach((segment, index) => {
    if (segment.epoch !== log.epoch) return;
    compare(name, segment.received, expected(segment, view.segments[index + 1], stored), report);
  });
}

/** The messages of a segment: it ends where the next one of the same epoch begins, or at the end of the log. */
function expected(
  { epoch, after }: Segment,
  next: Segment | undefined,
  stored: readonly MessageRecord[],
): MessageRecord[] {
  const until = next?.epoch === epoch ? next.after : Number.POSITIVE_INFINITY;
  return stored.filter(({ seq }) => seq > after && seq <= until);
}

/** Both must contain the same messages with the same content in the same order. */
function compare(
  name: string,
  received: readonly MessageRecord[],
  stored: readonly MessageRecord[],
  report: Report,
): void {
  const bySeq = new Map(received.map((each) => [each.seq, each]));
  for (const each of stored) {
    const seen = bySeq.get(each.seq);
    if (!seen) report("lost", `${each.nonce} (seq ${each.seq}) in ${name}`);
    else if (seen.nonce !== each.nonce || seen.user !== each.user || seen.message !== each.message) {
      report("lost", `seq ${each.seq} is another message in ${name}`);
    }
  }
  const known = new Set(stored.map(({ seq }) => seq));
  let last = 0;
  for (const { seq } of received) {
    if (seq < last) report("disordered", `seq ${seq} after ${last} in ${name}`);
    else if (!known.has(seq)) report("duplicated", `seq ${seq}, which is not in the log, in ${name}`);
    last = seq;
  }
}

function placeKey(room: string, { epoch, seq }: { epoch: string; seq: number }): string {
  return `${room}\n${epoch}.${seq}`;
}
