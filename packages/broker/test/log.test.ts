import { setTimeout as delay } from "node:timers/promises";
import { encodeEvent, type MessageEvent } from "@madang/protocol";
import { eventually, natsConnection, natsFor } from "@madang/test-kit";
import t, { type Test } from "tap";
import { DEFAULT_LOG_SETTINGS, type LiveRecord, type Log, type LogRecord, openLog } from "../src/index.ts";

async function logOn(t: Test, nats: { url: string }, settings = DEFAULT_LOG_SETTINGS): Promise<Log> {
  const log = openLog({ url: nats.url, name: "test" }, settings);
  await log.ready;
  t.teardown(() => log.close(0));
  return log;
}

function message(room: string, text: string): Uint8Array {
  return encodeEvent({ type: "message", room, user: "민수", message: text, at: "2026-01-01T00:00:00.000Z" });
}

const textOf = (record: LogRecord): string => (JSON.parse(Buffer.from(record.data).toString()) as MessageEvent).message;

/** All events of a room's log, read as a room feed reads them. */
async function everything(log: Log, room: string): Promise<LogRecord[]> {
  const head = await eventually(async () => {
    const heads = await log.heads([room]).catch(() => undefined);
    return heads && [heads.get(room)!];
  });
  const all: LogRecord[] = [];
  for (let seq = 0; seq < head[0]!; ) {
    const records = await log.replay(room, seq + 1, 100);
    all.push(...records);
    seq = records.at(-1)?.seq ?? seq;
  }
  return all;
}

t.test("a published event is stored, arrives live with its predecessor, and can be replayed", async (t) => {
  const log = await logOn(t, await natsFor(t));
  const live: LiveRecord[] = [];
  const room = "수다방";
  log.subscribe(room, (record) => live.push(record));
  await log.subscribed();
  const lane = log.lane(room);
  const [one, other, two] = await Promise.all([
    lane.publish("id-1", message(room, "하나")),
    log.lane("elsewhere").publish("id-x", message("elsewhere", "x")),
    lane.publish("id-2", message(room, "둘")),
  ]);
  t.match(one, { epoch: log.epoch, duplicate: false });
  t.ok(one.seq < two.seq && other.seq > 0);
  await eventually(() => live.length === 2);
  t.same(
    live.map((record) => [record.seq, record.last, textOf(record)]),
    [
      [one.seq, 0, "하나"],
      [two.seq, one.seq, "둘"],
    ],
  );
  t.same((await log.replay(room, 1, 10)).map(textOf), ["하나", "둘"]);
  t.same((await log.replay(room, one.seq + 1, 10)).map(textOf), ["둘"]);
  t.same(await log.replay(room, two.seq + 1, 10), []);
  t.same([...(await log.heads([room, "elsewhere", "empty"])).values()], [two.seq, other.seq, 0]);
});

t.test("an id is stored once, and the acknowledgement of a repeat says where", async (t) => {
  const log = await logOn(t, await natsFor(t));
  const first = await log.lane("a").publish("same", message("a", "1"));
  const again = await log.lane("a").publish("same", message("a", "1"));
  t.same(again, { ...first, duplicate: true });
  t.equal((await everything(log, "a")).length, 1);
  await t.rejects(log.lane("a").publish("same", message("a", "2")), { code: "conflict" });
});

t.test("a sender's order survives kills of the server, and no event is lost or doubled", async (t) => {
  const nats = await natsFor(t);
  const log = await logOn(t, nats);
  const senders = ["a", "b", "c", "d"].map((room) => ({
    room,
    lane: log.lane(room),
    sent: 0,
    acknowledged: [] as number[],
  }));
  let running = true;
  const flows = senders.map(async (sender) => {
    const answers: Promise<unknown>[] = [];
    while (running || answers.length < 200) {
      while (sender.lane.pending > 60) await delay(1);
      const n = sender.sent++;
      answers.push(
        sender.lane
          .publish(`${sender.room}${n}`, message(sender.room, String(n)))
          .then(() => sender.acknowledged.push(n)),
      );
      if (n % 8 === 0) await delay(1);
    }
    await Promise.all(answers);
  });
  for (let kill = 0; kill < 3; kill++) {
    await delay(300);
    nats.kill("SIGKILL");
    await nats.restart();
    await eventually(() => log.connected);
  }
  running = false;
  await Promise.all(flows);
  for (const sender of senders) {
    const stored = (await everything(log, sender.room)).map((record) => Number(textOf(record)));
    t.same(
      stored,
      Array.from({ length: sender.sent }, (_, n) => n),
      `room ${sender.room}: ${sender.sent} messages`,
    );
    t.equal(sender.acknowledged.length, sender.sent);
  }
});

t.test("a full log refuses events, and accepts them again once there is room", async (t) => {
  const nats = await natsFor(t);
  const log = await logOn(t, nats, { ...DEFAULT_LOG_SETTINGS, maxBytes: 20_000 });
  const lane = log.lane("a");
  let stored = 0;
  for (;;) {
    const error = await lane.publish(`m${stored}`, message("a", "x".repeat(500))).then(
      () => undefined,
      (e: { code: string }) => e,
    );
    if (error) {
      t.equal(error.code, "log_full");
      break;
    }
    stored++;
  }
  t.ok(stored > 5);
  t.equal((await everything(log, "a")).length, stored, "a refused event was not stored");
  const { jsm } = await natsConnection(t, nats);
  await jsm.streams.update("CHAT", { ...(await jsm.streams.info("CHAT")).config, max_bytes: -1 });
  t.match(await lane.publish(`m${stored}`, message("a", "fits")), { duplicate: false });
});

t.test("requests for the heads of many rooms stay within the server's payload limit", async (t) => {
  const nats = await natsFor(t, { configText: "max_payload: 2KB" });
  const log = await logOn(t, nats);
  const rooms = Array.from({ length: 101 }, (_, n) => `room ${n}`);
  for (const room of rooms) await log.lane(room).publish(room, message(room, "x"));
  t.same(
    [...(await log.heads([...rooms, "empty"]))],
    [...rooms, "empty"].map((room, n) => [room, room === "empty" ? 0 : n + 1]),
  );
});

t.test("a log that has filled the server's own storage refuses at once", async (t) => {
  const dir = t.testdir();
  const nats = await natsFor(t, { dir, configText: `jetstream { store_dir: "${dir}", max_file_store: 100KB }` });
  const lane = (await logOn(t, nats)).lane("a");
  const full = message("a", "x".repeat(3000));
  const fill = async () => {
    for (let n = 0; ; n++) await lane.publish(`m${n}`, full);
  };
  await t.rejects(fill(), { code: "log_full" });
});

t.test(
  "a log that was created anew has another epoch, and its first event is not mistaken for an old one",
  async (t) => {
    const nats = await natsFor(t);
    const log = await logOn(t, nats);
    const before = await log.lane("a").publish("1", message("a", "1"));
    await log.lane("a").publish("2", message("a", "2"));
    const epochs: string[] = [];
    log.onEpoch((epoch) => epochs.push(epoch));
    await (await natsConnection(t, nats)).jsm.streams.delete("CHAT");
    const after = await log.lane("a").publish("1", message("a", "1"));
    t.match(after, { seq: 1, duplicate: false, epoch: log.epoch });
    t.ok(after.epoch > before.epoch, "later epochs sort after earlier ones");
    t.same(epochs, [after.epoch]);
  },
);

t.test("a message too large for the log is refused alone", async (t) => {
  const log = await logOn(t, await natsFor(t));
  const lane = log.lane("a");
  const [big, small] = await Promise.allSettled([
    lane.publish("big", message("a", "x".repeat(70_000))),
    lane.publish("small", message("a", "y")),
  ]);
  t.match(big, { status: "rejected", reason: { code: "text_too_long" } });
  t.match(small, { status: "fulfilled" });
});

t.test("a message too large for the server is refused alone", async (t) => {
  const nats = await natsFor(t, { configText: "max_payload: 8192" });
  const log = await logOn(t, nats);
  const lane = log.lane("room");
  const answers = await Promise.allSettled([
    lane.publish("1", message("room", "small")),
    lane.publish("2", message("room", "x".repeat(10_000))),
    lane.publish("3", message("room", "small again")),
  ]);
  t.match(answers, [{ status: "fulfilled" }, { reason: { code: "text_too_long" } }, { status: "fulfilled" }]);
});

t.test("while the log is away publishes wait, and replays fail with log_unavailable", async (t) => {
  const nats = await natsFor(t);
  const log = await logOn(t, nats);
  await log.lane("a").publish("0", message("a", "0"));
  nats.kill("SIGKILL");
  await eventually(() => !log.connected);
  const waiting = log.lane("a").publish("1", message("a", "1"));
  await t.rejects(log.replay("a", 1, 10), { code: "log_unavailable" });
  await nats.restart();
  t.match(await waiting, { duplicate: false });
  t.same((await everything(log, "a")).map(textOf), ["0", "1"]);
});
