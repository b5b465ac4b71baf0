import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { LiveRecord, Log } from "@madang/broker";
import {
  eventually,
  type Frame,
  full,
  HttpClient,
  natsConnection,
  natsFor,
  rawSocket,
  replaced,
  standIn,
  webSocketHandshake,
} from "@madang/test-kit";
import t, { type Test } from "tap";
import { edgeFor, plainMember, type TestEdge } from "./support.ts";

t.setTimeout(180_000);

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);

/** The real log, but live events are lost and repeated, as in a real network. */
function lossy(log: Log, fateOf: (record: LiveRecord) => "lose" | "repeat" | "pass"): Log {
  return replaced(log, {
    subscribe: (room, onRecord) =>
      log.subscribe(room, (record) => {
        const fate = fateOf(record);
        if (fate !== "lose") onRecord(record);
        if (fate === "repeat") onRecord(record);
      }),
  });
}

t.test("although live events are lost and repeated, every member gets each message once, in order", async (t) => {
  const nats = await natsFor(t);
  let count = 0;
  const fates = ["lose", "pass", "repeat", "pass", "pass", "lose", "lose"] as const;
  const bad = await edgeFor(t, nats, {}, { wrapLog: (log) => lossy(log, () => fates[count++ % 7]!) });
  const good = await edgeFor(t, nats);
  const speaker = await full(t, good, "s", ["a"]);
  const members = await Promise.all([plainMember(t, bad, "a"), full(t, bad, "m", ["a"])]);
  await members[1]!.next("caughtUp");
  await speaker.next("caughtUp");
  await Promise.all(numbers(500).map((text) => speaker.say("a", text)));
  // A lost last event shows no gap. One more event that is not lost ends the test.
  count = 1;
  await speaker.say("a", "end");
  for (const member of members) {
    await member.next("message", { message: "end" }, 30_000);
    t.same(member.texts, [...numbers(500), "end"]);
  }
});

t.test("the audit finds a lost last event, which shows no gap, within 30 s", async (t) => {
  const nats = await natsFor(t);
  let lose = false;
  const edge = await edgeFor(t, nats, {}, { wrapLog: (log) => lossy(log, () => (lose ? "lose" : "pass")) });
  const client = await full(t, edge, "s", ["a"]);
  await client.say("a", "m0");
  lose = true;
  for (const text of ["m1", "m2"]) await client.say("a", text);
  await client.next("message", { message: "m2" }, 30_000);
  t.same(client.texts, numbers(3));
});

t.test("F3 the order of a sender survives joins and leaves while the log is away", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats);
  const speaker = await full(t, edge, "s", ["a"]);
  const listener = await full(t, edge, "l", ["a"]);
  await listener.next("caughtUp");
  await nats.kill("SIGKILL");
  await eventually(() => !edge.log.connected);
  for (const text of numbers(60)) {
    if (text.endsWith("0")) speaker.join("a");
    if (text.endsWith("5")) for (const type of ["leave", "join"]) speaker.send({ type, room: "a" });
    speaker.post("a", text);
  }
  await nats.restart();
  await listener.next("message", { message: "m59" }, 30_000);
  t.same(listener.texts, numbers(60));
});

t.test("kills of nats-server under load lose, double and reorder no acknowledged message", async (t) => {
  const nats = await natsFor(t);
  const [a, b] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const speaker = await full(t, a, "s", ["a"]);
  const members = [speaker, await full(t, b, "m", ["a"]), await plainMember(t, b, "a")];
  await speaker.next("caughtUp");
  let sent = 0;
  let running = true;
  const load = (async () => {
    while (running) {
      speaker.post("a", `m${sent}`, `n${sent++}`);
      if (sent % 4 === 0) await delay(5);
    }
  })();
  for (let kill = 0; kill < 2; kill++) {
    await delay(500);
    nats.kill("SIGKILL");
    await nats.restart();
    await eventually(() => a.log.connected && b.log.connected);
  }
  await delay(300);
  running = false;
  await load;
  await eventually(() => speaker.of("ack").length + speaker.of("error").length === sent, { limitMs: 60_000 });
  t.equal(speaker.of("error").length, 0);
  t.equal(new Set(speaker.of("ack").map((ack) => ack.nonce)).size, sent, "each is answered once");
  for (const member of members) {
    await member.next("message", { message: `m${sent - 1}` }, 30_000);
    t.same(member.texts, numbers(sent));
  }
});

t.test("after the log was deleted and created again, members are told and get every new message", async (t) => {
  const nats = await natsFor(t);
  const [a, b] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const speaker = await full(t, a, "s", ["a"]);
  const member = await full(t, b, "m", ["a"]);
  const watcher = await plainMember(t, b, "a");
  await member.next("caughtUp");
  await Promise.all(numbers(20).map((text) => speaker.say("a", text)));
  await member.next("message", { message: "m19" });
  const before = member.frames[1].epoch;
  await (await natsConnection(t, nats)).jsm.streams.delete("CHAT");
  for (const text of ["new0", "new1", "new2"]) await speaker.say("a", text);
  for (const client of [speaker, member]) {
    await client.next("message", { message: "new2" }, 40_000);
    const joined = await client.next("joined", (frame) => frame.epoch !== before);
    t.equal(joined.recovered, false);
    t.same(
      client.texts.filter((text) => text.startsWith("new")),
      ["new0", "new1", "new2"],
    );
  }
  await watcher.next("message", { message: "new2" });
});

/** A plain member on a socket that can stop reading, as a phone in a tunnel does. */
async function stalling(t: Test, edge: TestEdge, room: string): Promise<{ socket: Socket; texts(): string[] }> {
  const { socket, text } = await rawSocket(t, edge);
  socket.write(webSocketHandshake(`/ws/chat/${room}/`));
  await eventually(() => text().includes("\r\n\r\n"));
  return { socket, texts: () => [...text().matchAll(/"message":"(m\d+) /g)].map((match) => match[1]!) };
}

t.test("F8 a slow socket lags within bounded memory, and then gets all messages in order", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats);
  const slow = await stalling(t, edge, "a");
  const fast = await plainMember(t, edge, "a");
  slow.socket.pause();
  const speaker = await full(t, edge, "s", ["a"]);
  const padding = "x".repeat(3000);
  let backlog = 0;
  const total = 4000;
  for (let n = 0; n < total; n += 50) {
    for (let m = n; m < n + 50; m++) speaker.post("a", `m${m} ${padding}`, String(m));
    await speaker.next("ack", { nonce: String(n + 49) }, 30_000);
    speaker.frames.length = 0;
    for (const { connection } of edge.sessions.all) backlog = Math.max(backlog, connection.backlog);
  }
  t.ok(backlog > 500_000, `the socket was really slow (${backlog} bytes unsent)`);
  t.ok(backlog < 3 * 1024 * 1024, `within its cap (${backlog} bytes unsent)`);
  t.equal(fast.of("message").length, total, "the other member has all messages");
  t.ok(slow.texts().length < total / 2);
  slow.socket.resume();
  await eventually(() => slow.texts().length >= total, { limitMs: 60_000 });
  t.same(slow.texts(), numbers(total));
});

t.test("F8 a client that resumes many rooms and does not read costs no more memory than one room", async (t) => {
  const nats = await natsFor(t);
  const [a, b] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const rooms = numbers(16);
  const speaker = await full(t, a, "s", rooms);
  let epoch = "";
  for (const room of rooms) {
    const padding = "x".repeat(3900);
    for (let n = 0; n < 256; n++) speaker.post(room, padding, `${room} ${n}`);
    ({ epoch } = await speaker.next("ack", { nonce: `${room} 255` }, 30_000));
    speaker.frames.length = 0;
  }
  const client = await full(t, b);
  const socket = (client.ws as unknown as { _socket: Socket })._socket;
  client.send({ type: "hello", join: rooms.map((room) => ({ room, after: `${epoch}.0` })) });
  socket.pause();
  const [session] = b.sessions.all;
  await eventually(() => session!.connection.backlog > 500_000);
  // Long enough to read all rooms for it, if nothing stopped the edge.
  let most = 0;
  const since = performance.now();
  await eventually(() => {
    most = Math.max(most, session!.connection.backlog);
    return performance.now() - since > 2000;
  });
  t.ok(most < 4 * 1024 * 1024, `${most} bytes unsent`);
  socket.resume();
  await eventually(() => client.of("caughtUp").length === rooms.length, { limitMs: 60_000 });
  t.equal(client.of("message").length, rooms.length * 256);
});

t.test("F2 history that fails in the middle of a replay leaves no gap without notice", async (t) => {
  const nats = await natsFor(t);
  const a = await edgeFor(t, nats);
  const speaker = await full(t, a, "s", ["a"]);
  const acks = await Promise.all(numbers(150).map((text) => speaker.say("a", text)));
  const { epoch } = acks[0];
  const { streams } = (await natsConnection(t, nats)).jsm;
  const { config } = await streams.info("CHAT");
  await streams.update("CHAT", { ...config, max_age: 1e9, duplicate_window: 1e9 });
  await eventually(async () => (await streams.info("CHAT")).state.messages === 0, { limitMs: 30_000 });
  await streams.update("CHAT", config);
  // Persistence answers the first page of this room, and then fails or sends invalid pages.
  for (const status of [503, 200]) {
    let asked = 0;
    const persistence = await standIn(t, (_request, response) => {
      if (asked++ > 1) return void response.writeHead(status).end("{}");
      const messages = acks.slice(0, 100).map(({ seq, nonce }: Frame) => {
        const position = `${epoch}.${seq}`;
        return { seq, epoch, position, user: "s", message: nonce, at: "2026-01-01T00:00:00.000Z", nonce };
      });
      const page = { room: "a", epoch, messages, foundOldest: true, foundNewest: false, position: `${epoch}.100` };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(page));
    });
    const b = await edgeFor(t, nats, { PERSISTENCE_URL: persistence.url });
    const client = await full(t, b, "c", [{ room: "a", after: `${epoch}.0` }]);
    await client.next("caughtUp");
    t.same(client.texts, numbers(100));
    t.match(client.of("joined"), [{ recovered: true }, { recovered: false, position: `${epoch}.150` }]);
    await b.stop();
  }
});

t.test("a draining edge answers each send once, closes 1012, refuses new sockets, and is not ready", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats);
  const client = await full(t, edge, "s", ["a"]);
  const watcher = await plainMember(t, edge, "a");
  await client.next("caughtUp");
  for (const text of numbers(100)) client.post("a", text);
  await client.next("ack");
  const drained = edge.drain(500);
  t.equal(edge.drain(500), drained, "idempotent");
  t.equal((await new HttpClient(edge).get("/readyz")).status, 503);
  const refused = await full(t, edge);
  await refused.closing();
  t.equal(refused.refusedWith, 503);
  t.match(await client.closing(), { code: 1012 });
  t.match(client.of("drain"), [{ reconnectAfter: Number }]);
  await drained;
  t.match(await watcher.closing(), { code: 1012 });
  const acks = client.of("ack");
  t.equal(new Set(acks.map((ack) => ack.nonce)).size, acks.length, "no send is answered twice");
  // A second edge stores the messages without an answer, and acknowledges the others as duplicates.
  const other = await edgeFor(t, nats);
  const again = await full(t, other, "s", [{ room: "a", after: `${other.log.epoch}.0` }]);
  for (const text of numbers(100)) again.post("a", text);
  await eventually(() => again.of("ack").length === 100);
  t.ok(
    acks.every((ack) =>
      again.of("ack").some((second) => second.nonce === ack.nonce && second.seq === ack.seq && second.duplicate),
    ),
  );
  await again.next("message", { message: "m99" });
  t.same(again.texts.toSorted(), numbers(100).toSorted());
});

t.test("P2 a draining edge stores a plain client's messages only if the client received them", async (t) => {
  const nats = await natsFor(t);
  for (let round = 1; round <= 5; round++) {
    const edge = await edgeFor(t, nats);
    const client = await plainMember(t, edge, `${round}`);
    for (const message of numbers(200)) client.send({ message, user: "u" });
    await client.next("message");
    await edge.drain(0);
    t.match(await client.closing(), { code: 1012 });
    const stored = await edge.log.replay(`${round}`, 1, 256);
    t.same(client.texts, numbers(stored.length), `${stored.length} in round ${round}`);
  }
});
