/** A feed alone: its log is played, since what a log loses, and when it is made anew, cannot be timed on a real one. */

import type { LiveRecord, Log, LogRecord } from "@madang/broker";
import { encodeEvent } from "@madang/protocol";
import { eventually } from "@madang/test-kit";
import t from "tap";
import { RingBudget } from "../src/rooms/ring.ts";
import { RoomFeed } from "../src/rooms/room-feed.ts";

const data = encodeEvent({ type: "message", room: "r", user: "u", message: "m", at: "2026-01-01T00:00:00.000Z" });
const live = (seq: number, last: number): LiveRecord => ({ seq, last, data }) as LiveRecord;

/** A feed, open with 10 as its head; what it did, in order: a number was delivered, "restarted 3" told. */
function open(isOpen = true) {
  const did: (number | string)[] = [];
  const asked: number[] = [];
  const log = {
    epoch: "a",
    firstSeq: 1,
    epochChecks: 0,
    stored: [] as number[],
    listener: (_record: LiveRecord) => {},
    onReplay: () => {},
    subscribe(_room: string, listener: (record: LiveRecord) => void) {
      this.listener = listener;
      return { unsubscribe: () => {} };
    },
    async replay(_room: string, from: number): Promise<LogRecord[]> {
      asked.push(from);
      const found = this.stored.filter((seq) => seq >= from).map((seq) => ({ seq, data }) as LogRecord);
      this.onReplay();
      return found;
    },
    /** What the next look at the log finds. */
    firstSeqNow: undefined as number | undefined,
    async checkEpoch() {
      this.epochChecks++;
      this.firstSeq = this.firstSeqNow ?? this.firstSeq;
    },
  };
  const feed = new RoomFeed("r", log as unknown as Log, new RingBudget(1e6), {
    deliver: ({ seq }) => did.push(seq),
    restarted: (seq) => did.push(`restarted ${seq}`),
  });
  feed.subscribe();
  if (isOpen) feed.open(10);
  return { feed, log, did, asked, hear: (seq: number, last: number) => log.listener(live(seq, last)) };
}

t.test("what follows the head is delivered, what was before is not, and a gap is read first", async (t) => {
  const { log, did, asked, hear } = open();
  hear(11, 10);
  hear(11, 10);
  log.stored = [12, 14, 17];
  hear(17, 14);
  t.same(did, [11], "nothing out of order");
  await eventually(() => did.length === 4);
  hear(20, 17);
  t.same([did, asked], [[11, 12, 14, 17, 20], [11]]);
});

t.test(
  "a number that was heard live before asks whether the log is another one; a replayed one's copy does not",
  async (t) => {
    const { log, did, hear } = open();
    hear(11, 10);
    hear(11, 10);
    t.equal(log.epochChecks, 1);
    log.stored = [11, 12, 13];
    hear(13, 12);
    await eventually(() => did.length === 3);
    hear(12, 11);
    hear(13, 12);
    t.equal(log.epochChecks, 1);
  },
);

t.test("an answer of the old log is dropped when the log was made anew meanwhile", async (t) => {
  const { feed, log, did, hear } = open();
  log.stored = [11, 12];
  log.onReplay = () => {
    log.onReplay = () => {};
    log.epoch = "b";
    log.stored = [1, 2];
    feed.restart();
    feed.audit(2);
  };
  hear(12, 11);
  await eventually(() => did.length === 3);
  t.same(did, ["restarted 0", 1, 2]);
});

t.test("what has left the log by its age is told, and the feed goes on behind it", async (t) => {
  const { log, did, hear } = open();
  log.firstSeq = 40;
  hear(41, 30);
  await eventually(() => did.length === 2);
  t.same(did, ["restarted 30", 41]);
});

t.test("events that expired since the last look at the log are not skipped in silence", async (t) => {
  const { log, did, hear } = open();
  log.stored = [35, 41];
  log.firstSeqNow = 34;
  hear(41, 35);
  await eventually(() => did.length === 3);
  t.same(did, ["restarted 34", 35, 41]);
});

t.test("a head that has expired is no loss where an audit found the room complete since", async (t) => {
  const { feed, log, did, hear } = open();
  feed.audit(10, 33);
  log.stored = [35, 41];
  log.firstSeqNow = 34;
  hear(41, 35);
  await eventually(() => did.length === 2);
  t.same(did, [35, 41]);
});

t.test("a lost tail shows by the log's own head", async (t) => {
  const { feed, log, did } = open();
  log.stored = [15];
  feed.audit(10);
  feed.audit(15);
  await eventually(() => did.length === 1);
  t.same([did, feed.head], [[15], 15]);
});

t.test("of more live events than are kept while a gap is healed, the first are read from the log", async (t) => {
  const { log, did, asked, hear } = open();
  const last = 12 + 2048 + 5;
  log.stored = [11];
  for (let seq = 12; seq <= last; seq++) hear(seq, seq - 1);
  log.stored = Array.from({ length: last - 10 }, (_, i) => 11 + i);
  await eventually(() => did.length === log.stored.length);
  t.same(did, log.stored, "each once and in order");
  t.same(asked, [10, 11], "not all was kept");
});

t.test("a feed is opened once, and no more when it is closed by then", async (t) => {
  const { feed } = open();
  feed.open(5);
  t.equal(feed.head, 10);
  const late = open(false);
  late.hear(11, 10);
  late.feed.close();
  late.feed.open(10);
  t.notOk(late.feed.opened);
  t.same(late.did, []);
});
