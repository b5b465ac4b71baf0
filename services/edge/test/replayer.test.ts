/** A replayer alone: its log is played, since it cannot be made anew in the middle of one answer of a real one. */
import type { Log, LogRecord } from "@madang/broker";
import { encodeEvent } from "@madang/protocol";
import t from "tap";
import type { History } from "../src/history/history-client.ts";
import { Replayer } from "../src/rooms/replayer.ts";
import type { RoomFeed } from "../src/rooms/room-feed.ts";

const data = encodeEvent({ type: "message", room: "r", user: "u", message: "m", at: "2026-01-01T00:00:00.000Z" });
const records: LogRecord[] = [5, 6, 7].map((seq) => ({ seq, data }));

function start(meanwhile: (log: { epoch: string }) => void) {
  const log = {
    epoch: "a",
    firstSeq: 1,
    replay: async () => {
      meanwhile(log);
      return records;
    },
  };
  const extended: number[][] = [];
  const ring = {
    extend: (base: number, events: { seq: number }[]) => extended.push([base, ...events.map(({ seq }) => seq)]),
  };
  const feed = { room: "r", ring } as unknown as RoomFeed;
  return { replayer: new Replayer(log as unknown as Log, {} as History), feed, extended };
}

t.test("what was read for one is kept in the ring for those who come after", async (t) => {
  const { replayer, feed, extended } = start(() => {});
  const events = await replayer.read(feed, 5);
  t.same(
    events.map(({ seq }) => seq),
    [6, 7],
  );
  t.same(extended, [[5, 6, 7]]);
});

t.test("F2 what was read of a log that was made anew meanwhile is no part of the new one's ring", async (t) => {
  const { replayer, feed, extended } = start((log) => {
    log.epoch = "b";
  });
  const [event] = await replayer.read(feed, 5);
  t.match(event!.frame.toString(), '"epoch":"a"');
  t.same(extended, []);
});

/** A replayer whose log has lost everything before sequence 50 since the last look at it. */
function startExpired(messages: { seq: number; message: string }[], foundOldest = false) {
  const log = {
    epoch: "a",
    firstSeq: 1,
    replay: async () => [{ seq: 60, data }],
    checkEpoch: async () => {
      log.firstSeq = 50;
    },
  };
  const asked: string[] = [];
  const history = {
    after: async (_room: string, position: string) => {
      asked.push(position);
      return {
        messages: messages.map((message) => ({ ...message, epoch: "a", user: "u" })),
        foundOldest,
        foundNewest: true,
      };
    },
  };
  const feed = { room: "r", ring: { extend: () => t.fail("a hole in the ring") } } as unknown as RoomFeed;
  return { replayer: new Replayer(log as unknown as Log, history as unknown as History), feed, asked };
}

t.test("events that expired since the last look at the log come from history", async (t) => {
  const { replayer, feed, asked } = startExpired([
    { seq: 8, message: "expired" },
    { seq: 60, message: "still in the log" },
  ]);
  const events = await replayer.read(feed, 5);
  t.same(asked, ["a.5"]);
  t.same(
    events.map(({ seq }) => seq),
    [8],
  );
});

t.test("where history has none of them either, the log's own events follow", async (t) => {
  const { replayer, feed } = startExpired([]);
  const events = await replayer.read(feed, 5);
  t.same(
    events.map(({ seq }) => seq),
    [60],
  );
});

t.test(
  "a position older than the log is lost where history has nothing up to it: the room may be another",
  async (t) => {
    const { replayer, feed } = startExpired([{ seq: 8, message: "of a new room" }], true);
    await t.rejects(replayer.read(feed, 5), { code: "position_lost" });
  },
);

t.test("nothing from before a deletion is replayed, or kept for those who come after", async (t) => {
  const said = { room: "r", user: "u", at: "2026-01-01T00:00:00.000Z" } as const;
  const clearing = encodeEvent({ type: "room", ...said, cleared: true });
  const quote = encodeEvent({ type: "room", ...said, topic: '"cleared":true,' });
  const stored = [data, data, quote, clearing, data].map((data, index) => ({ seq: 5 + index, data }));
  const log = { epoch: "a", firstSeq: 1, replay: async () => stored };
  const feed = { room: "r", ring: { extend: () => t.fail("kept") } } as unknown as RoomFeed;
  const events = await new Replayer(log as unknown as Log, {} as History).read(feed, 5);
  t.same(
    events.map(({ seq, isClearing }) => [seq, isClearing === true]),
    [
      [8, true],
      [9, false],
    ],
  );
});
