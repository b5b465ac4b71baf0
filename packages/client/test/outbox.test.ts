import t from "tap";
import { Outbox } from "../src/outbox.ts";
import { FakeClock, FakeStorage, inRoom, setup } from "./fakes.ts";

const OWNER = ["ws://test/ws", "민수"] as const;
const DAY_MS = 86_400_000;
const texts = (outbox: Outbox, room: string) => outbox.queue(room).map(({ text }) => text);

t.test("the outbox has a bound on sends, over all rooms", async (t) => {
  const { client } = setup({ outbox: { maxSends: 3 } });
  const [a, b] = [client.join("a"), client.join("b")];
  for (const room of [a, b, a]) void room.send("x");
  await t.rejects(b.send("x"), { code: "outbox_full", temporary: true });
  a.leave();
  void b.send("now there is room");
  t.equal(b.pending.length, 2);
  client.close();
});

t.test("the outbox has a bound on bytes of UTF-8", async (t) => {
  const { client, last } = setup({ outbox: { maxBytes: 1000 } });
  const room = client.join("a");
  void room.send("가".repeat(150));
  await t.rejects(room.send("가".repeat(150)), { code: "outbox_full" });
  client.connect();
  last().accept().joined("a").ack("a", room.pending[0]!.nonce);
  void room.send("가".repeat(150));
  t.equal(room.pending.length, 1, "answered sends do not count");
  client.close();
});

t.test("every nonce is unique, with and without randomUUID", async (t) => {
  const outbox = new Outbox({ owner: OWNER, now: () => 0 });
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  const nonces = Array.from({ length: 50 }, () => outbox.add("a", "x").nonce);
  Reflect.deleteProperty(crypto, "randomUUID");
  nonces.push(...Array.from({ length: 50 }, () => outbox.add("a", "x").nonce));
  t.equal(new Set(nonces).size, 100);
  for (const nonce of nonces) t.match(nonce, /^[0-9a-f-]{32,36}$/);
});

t.test("the outbox keeps nothing for rooms without pending sends", async (t) => {
  const outbox = new Outbox({ owner: OWNER, now: () => 0 });
  for (let i = 0; i < 100; i++) {
    t.same(outbox.queue(`room ${i}`), []);
    outbox.remove(outbox.add(`room ${i}`, "x"));
  }
  const waiting = outbox.add("a", "x");
  t.equal(outbox.rooms, 1);
  outbox.remove(waiting);
  t.equal(outbox.rooms, 0);
});

t.test("a storage restores unanswered sends, in order, for the same user and server only", async (t) => {
  const storage = new FakeStorage();
  storage.setItem("theirs", "untouched");
  const first = new Outbox({ owner: OWNER, now: () => 0, storage });
  const sends = [first.add("방", "1"), first.add("b", "x"), first.add("방", "2", { replyTo: 9 }), first.add("방", "3")];
  first.remove(sends[0]!);

  const second = new Outbox({ owner: OWNER, now: () => DAY_MS, storage });
  t.match(second.queue("방"), [
    { text: "2", replyTo: 9, nonce: sends[2]!.nonce, frame: sends[2]!.frame },
    { text: "3" },
  ]);
  t.same(texts(second, "b"), ["x"]);
  second.add("방", "4");
  t.same(texts(new Outbox({ owner: OWNER, now: () => 0, storage }), "방"), ["2", "3", "4"], "later ones come later");

  t.same(texts(new Outbox({ owner: [OWNER[0], "영희"], now: () => 0, storage }), "방"), []);
  t.same(texts(new Outbox({ owner: ["ws://other/ws", "민수"], now: () => 0, storage }), "방"), []);
  t.equal(storage.getItem("theirs"), "untouched");
});

t.test("two tabs do not overwrite each other's sends", async (t) => {
  const storage = new FakeStorage();
  const [one, two] = [0, 0].map(() => new Outbox({ owner: OWNER, now: () => 0, storage }));
  one!.add("a", "from one");
  const mine = two!.add("a", "from two");
  two!.remove(mine);
  t.same(texts(new Outbox({ owner: OWNER, now: () => 0, storage }), "a"), ["from one"]);
});

t.test("invalid entries of the storage are removed", async (t) => {
  const storage = new FakeStorage();
  const outbox = new Outbox({ owner: OWNER, now: () => 0, storage });
  const good = outbox.add("a", "good");
  const [key, value] = [...storage.map][0]!;
  const stored = JSON.parse(value);
  const bad = ["", "{", "null", "[]", "7", '"x"', "{}"];
  bad.push(...["room", "text", "nonce", "order", "at"].map((field) => JSON.stringify({ ...stored, [field]: null })));
  bad.push(JSON.stringify({ ...stored, replyTo: "4" }), JSON.stringify({ ...stored, text: "x".repeat(70_000) }));
  for (const [i, junk] of bad.entries()) storage.setItem(key.replace(good.nonce, `junk${i}`), junk);
  t.same(texts(new Outbox({ owner: OWNER, now: () => DAY_MS, storage }), "a"), ["good"]);
  t.equal(storage.length, 1);
});

t.test("a send that waited for more than a day is not sent, and the room reports it once", async (t) => {
  const storage = new FakeStorage();
  const { client, room } = inRoom("a", { storage });
  void room.send("late", { nonce: "n" });
  client.close();
  const clock = new FakeClock();
  clock.advance(DAY_MS + 1);
  const failed: string[] = [];
  const next = setup({ storage, clock });
  const again = next.client.join("a");
  again.on("failed", ({ text, nonce, error }) => failed.push(`${text} ${nonce} ${error.code}`));
  t.equal(storage.length, 1, "it stays until the room has reported it");
  next.client.connect();
  next.last().accept().joined("a").caughtUp("a", 0);
  t.strictSame(failed, ["late n send_expired"]);
  t.strictSame(next.last().messages, []);
  t.equal(storage.length, 0);
  next.client.close();
});

t.test("a storage that throws causes no error", async (t) => {
  const no = () => {
    throw new Error("QuotaExceededError");
  };
  const storage = { length: 1, key: no, getItem: no, setItem: no, removeItem: no };
  const outbox = new Outbox({ owner: OWNER, now: () => 0, storage });
  const send = outbox.add("a", "in memory");
  t.same(texts(outbox, "a"), ["in memory"]);
  outbox.remove(send);
  t.same(texts(outbox, "a"), []);
});

t.test("stored sends above the bounds stay in the storage", async (t) => {
  const storage = new FakeStorage();
  const first = new Outbox({ owner: OWNER, now: () => 0, storage });
  for (let i = 0; i < 5; i++) first.add("a", `${i}`);
  t.same(texts(new Outbox({ owner: OWNER, now: () => 0, storage, maxSends: 3 }), "a"), ["0", "1", "2"]);
  t.equal(storage.length, 5);
});

t.test("a new client sends the stored sends of the last one and reports the result", async (t) => {
  const storage = new FakeStorage();
  const first = inRoom("a", { storage });
  const lost = first.room.send("hello", { nonce: "n" });
  first.client.close();
  await t.rejects(lost, { code: "client_closed", temporary: true });
  t.equal(storage.length, 1, "close keeps stored sends");

  const second = setup({ storage });
  const room = second.client.join("a");
  const sent: object[] = [];
  room.on("sent", ({ text, seq }) => sent.push({ text, seq }));
  t.same(room.pending, [{ nonce: "n", text: "hello" }]);
  const joined = room.send("hello", { nonce: "n" });
  second.client.connect();
  second.last().accept().joined("a");
  t.same(second.last().messages, ["hello"]);
  second.last().ack("a", "n", 4);
  t.match(await joined, { seq: 4 }, "a send with the same nonce gets its answer");
  t.same(sent, [{ text: "hello", seq: 4 }]);
  t.equal(storage.length, 0);
  second.client.close();
});

t.test("after close, a repeated send with a kept nonce waits for its answer", async (t) => {
  const { client, room, last } = inRoom("a", { storage: new FakeStorage() });
  const given = room.send("hello", { nonce: "n" });
  client.close();
  await t.rejects(given, { code: "client_closed", temporary: true });
  client.connect();
  const again = room.send("hello", { nonce: "n" });
  last().accept().joined("a").caughtUp("a", 0);
  t.same(last().messages, ["hello"]);
  last().ack("a", "n", 4);
  t.match(await again, { seq: 4 });
  client.close();
});

t.test("a send that a listener of failed gives up by leaving fails once", async (t) => {
  const storage = new FakeStorage();
  const { client, room } = inRoom("a", { storage });
  const failed: string[] = [];
  room.on("failed", ({ text, error }) => {
    failed.push(`${text}: ${error.code}`);
    room.leave();
  });
  for (const text of ["1", "2", "3"]) void room.send(text);
  client.close();
  t.same(failed, ["1: client_closed", "1: room_left", "2: room_left", "3: room_left"]);
  t.equal(storage.length, 0);
});

t.test("sends that a permanent close rejects are not kept", async (t) => {
  const storage = new FakeStorage();
  const { room, last } = inRoom("a", { storage });
  const send = room.send("hello");
  last().drop(3503, "removed by a moderator");
  await t.rejects(send, { code: "connection_refused" });
  t.equal(storage.length, 0);
});

t.test("a listener of a failure may connect again, and no later event says disconnected", async (t) => {
  const { client, room, last } = inRoom("a");
  const states: string[] = [];
  client.on("state", (state) => states.push(state));
  room.on("failed", () => client.connect());
  for (const text of ["1", "2"]) void room.send(text);
  last().drop(3503, "removed by a moderator");
  t.equal(client.state, "connecting");
  last().accept().joined("a").caughtUp("a", 0);
  t.strictSame(states, ["connecting", "connected"]);
  void room.send("3");
  t.strictSame(last().messages, ["3"]);
  client.close();
});
