/** The events that a resuming client gets, compared with the log itself. Another writer stores events meanwhile. */

import type { Log, LogAdmin } from "@madang/broker";
import type { LogEvent } from "@madang/protocol";
import { eventually, full, logAdminFor, natsFor, replaced, type WireClient } from "@madang/test-kit";
import t from "tap";
import { edgeFor, plainMember } from "./support.ts";

const ROOMS = ["a", "b"] as const;
const AT = "2026-01-01T00:00:00.000Z";

/** All that the log holds of a room. */
async function logOf(logAdmin: LogAdmin, room: string) {
  const events: { seq: number; type: string; target?: number }[] = [];
  for (let from = 1; ; from = events.at(-1)!.seq + 1) {
    const records = await logAdmin.scan(room, from);
    if (records.length === 0) return events;
    for (const { seq, data } of records) events.push({ seq, ...JSON.parse(Buffer.from(data).toString()) });
  }
}

/** Numbers that look random and are the same each time. */
function numbers(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

for (const [name, past, since, ringBytes] of [
  ["the ring has room", 60, 20, 1e6],
  ["the ring is small", 60, 40, 4000],
  ["more is missed than is read at once", 300, 20, 1e6],
  ["more is missed than a ring takes", 560, 10, 1e6],
] as const) {
  t.test(`F2: from any position everything that the log holds, once and in order: ${name}`, async (t) => {
    const random = numbers(past * 7 + since);
    const nats = await natsFor(t);
    const edge = await edgeFor(t, nats, { RING_MAX_BYTES: String(ringBytes), CONNECTIONS_PER_ADDRESS: "off" });
    const logAdmin = await logAdminFor(t, nats);
    const stored: Record<string, number[]> = { a: [], b: [] };
    let count = 0;
    const store = async () => {
      const room = ROOMS[random(4) === 0 ? 1 : 0];
      const about = { room, user: "u", at: AT };
      const target = stored[room]![random(stored[room]!.length)];
      const kind = target === undefined ? 0 : random(8);
      const event: LogEvent =
        kind === 1
          ? { type: "delete", ...about, target: target! }
          : kind === 2
            ? { type: "edit", ...about, target: target!, message: `edit ${count}` }
            : { type: "message", ...about, message: `message ${count}` };
      const { seq } = await logAdmin.publish(event, String(count++));
      if (event.type === "message") stored[room]!.push(seq);
    };
    const storeMany = async (many: number) => {
      for (let i = 0; i < many; i++) await store();
    };
    await storeMany(past);
    // The rooms are opened: from here on the rings go on by themselves.
    await full(t, edge, "first", ["a", "b"]).then((first) => first.next("caughtUp", { room: "b" }));
    await storeMany(since);
    const clients: { room: string; after: number; client: WireClient; isPlain: boolean }[] = [];
    const flowing = storeMany(since);
    for (let wave = 0; wave < 3; wave++) {
      const wanted = Array.from({ length: 8 }, () => ({
        room: ROOMS[random(2)]!,
        after: random(4) === 0 ? random(past / 4) : random(past + since + 1),
        isPlain: random(3) === 0,
      }));
      await Promise.all(
        wanted.map(async ({ room, after, isPlain }) => {
          const position = `${edge.log.epoch}.${after}`;
          const client = isPlain
            ? await plainMember(t, edge, room, `?after=${position}`)
            : await full(t, edge, "u", [{ room, after: position }]);
          clients.push({ room, after, client, isPlain });
          if (!isPlain) t.equal((await client.next("joined")).recovered, true);
        }),
      );
    }
    await flowing;
    // The last word in each room is a message, which all get.
    for (const room of ROOMS)
      await logAdmin.publish({ type: "message", room, user: "u", at: AT, message: "end" }, room);
    const held = { a: await logOf(logAdmin, "a"), b: await logOf(logAdmin, "b") };
    for (const { room, after, client, isPlain } of clients) {
      const all = held[room as "a"];
      await client.next("message", { message: "end" });
      const given = client.frames.filter(({ seq }) => seq !== undefined);
      const expected = all.filter(({ seq, type }) => seq > after && (!isPlain || type === "message"));
      const seqs = given.map(({ seq }) => seq);
      const known = new Set(seqs);
      const takenBack = new Set(all.filter(({ type }) => type === "delete").map(({ target }) => target));
      const missing = expected.filter(({ seq }) => !known.has(seq));
      const wrong = missing.filter(({ seq, type, target }) =>
        type === "delete" ? !takenBackAgain(all, seq, target!) : !takenBack.has(seq) && !takenBack.has(target),
      );
      const label = `${isPlain ? "plain" : "full"} ${room} after ${after}`;
      if (wrong.length > 0) t.same(wrong, [], `${label}: nothing is missing`);
      const places = new Set(expected.map(({ seq }) => seq));
      if (!seqs.every((seq, i) => places.has(seq) && (i === 0 || seq > seqs[i - 1])))
        t.fail(`${label}: ${seqs.join()}`);
    }
    t.equal(clients.length, 24);
  });
}

/** A deletion says nothing that a later one of the same message does not. */
function takenBackAgain(all: { seq: number; type: string; target?: number }[], seq: number, target: number) {
  return all.some((event) => event.type === "delete" && event.target === target && event.seq > seq);
}

t.test("F2: events that expired since the last look at the log are not skipped in silence", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats);
  const logAdmin = await logAdminFor(t, nats);
  const say = (i: number) =>
    logAdmin.publish({ type: "message", room: "a", user: "u", at: AT, message: `${i}` }, `${i}`);
  for (let i = 1; i <= 10; i++) await say(i);
  const position = `${edge.log.epoch}.3`;
  await (await full(t, edge, "first", ["a"])).next("caughtUp");
  await say(11);
  await edge.log.checkEpoch();
  // As by age: the edge does not know yet where the log begins now.
  for (let seq = 1; seq <= 6; seq++) await logAdmin.erase(seq);
  t.equal(edge.log.firstSeq, 1);
  for (let i = 0; i < 2; i++) {
    const client = await full(t, edge, "u", [{ room: "a", after: position }]);
    t.equal((await client.next("joined")).recovered, false, "history is away, too: the client learns of the loss");
  }
  t.equal(edge.log.firstSeq, 7);
});

t.test("F2: who comes back to a room whose last event was taken out of the log is told, and is live", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats);
  const logAdmin = await logAdminFor(t, nats);
  const publish = (text: string) =>
    logAdmin.publish({ type: "message", room: "a", user: "u", at: AT, message: text }, text).then(({ seq }) => seq);
  const [first, last] = [await publish("first"), await publish("last")];
  // Opens the room here, behind them: memory has neither.
  await (await full(t, edge, "neighbour", ["a"])).next("joined");
  await logAdmin.erase(last);
  const back = await full(t, edge, "back", [{ room: "a", after: `${edge.log.epoch}.${first}` }]);
  await back.next("caughtUp");
  t.match(back.of("joined"), [{ recovered: true }, { recovered: false, position: `${edge.log.epoch}.${last}` }]);
  const seq = await publish("anew");
  t.match(await back.next("message"), { seq, message: "anew" });
});

/** A log whose heads come from a replica that has nothing after `seq` yet. */
function lagging(log: Log, behind: { seq: number }): Log {
  return replaced(log, { heads: async (rooms) => new Map(rooms.map((room) => [room, behind.seq])) });
}

t.test("F2: who has seen more than this edge is given nothing twice when it catches up", async (t) => {
  const nats = await natsFor(t);
  const behind = { seq: 2 };
  const logAdmin = await logAdminFor(t, nats);
  const say = (i: number) =>
    logAdmin.publish({ type: "message", room: "a", user: "u", at: AT, message: `${i}` }, `${i}`);
  for (let i = 1; i <= 5; i++) await say(i);
  const edge = await edgeFor(t, nats, {}, { wrapLog: (log) => lagging(log, behind) });
  const here = await full(t, edge, "here", [{ room: "a", after: `${edge.log.epoch}.2` }]);
  const ahead = await full(t, edge, "ahead", [{ room: "a", after: `${edge.log.epoch}.4` }]);
  const bare = await plainMember(t, edge, "a", `?after=${edge.log.epoch}.4`);
  await Promise.all([here.next("caughtUp"), ahead.next("caughtUp")]);
  const typing = here.next("typing");
  ahead.send({ type: "typing", room: "a" });
  await typing;
  here.send({ type: "typing", room: "a" });
  await ahead.next("typing");
  // Brings all that is missing to the feed.
  for (let i = 6; i <= 7; i++) await say(i);
  for (const client of [here, ahead]) await client.next("message", { seq: 7 });
  await eventually(() => bare.frames.some(({ seq }) => seq === 7));
  const told = ({ frames }: WireClient) => frames.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq);
  t.same(told(here), [3, 4, 5, 6, 7]);
  t.same(told(ahead), [5, 6, 7]);
  t.same(told(bare), [5, 6, 7]);
});

t.test("F2: while the log is away nobody is told that it does not go on from where they are", async (t) => {
  const nats = await natsFor(t);
  const [one, other] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const speaker = await full(t, one, "s", ["a"]);
  const member = await full(t, other, "m", ["b"]);
  await member.next("caughtUp");
  const { epoch, seq } = await speaker.say("a", "m");
  await nats.kill("SIGKILL");
  await eventually(() => !other.log.connected);
  const after = `${epoch}.${seq}`;
  member.frames.length = 0;
  // A place that this edge has not heard of: in history it is any room's.
  member.send({ type: "join", room: "b", after });
  member.send({ type: "message", room: "b", message: "behind the join", nonce: "n" });
  const bare = await plainMember(t, other, "b", `?after=${after}`);
  await nats.restart();
  t.match(await member.next("joined"), { room: "b", recovered: true });
  for (const client of [member, bare]) await client.next("message", { message: "behind the join" });
  t.same(
    member.frames.map(({ type }) => type).filter((type) => type !== "ack"),
    ["joined", "caughtUp", "message"],
  );
  t.same(bare.of("error"), []);
  // What really leads nowhere is said once that can be known.
  member.send({ type: "join", room: "b", after: `0zzz.${seq}` });
  t.match(await member.next("joined", (frame) => frame !== member.of("joined")[0]), { recovered: false });
});
