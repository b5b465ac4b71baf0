import t from "tap";
import { errorFrame, inRoom, setup } from "./fakes.ts";

t.test("F2: events are emitted once, in order, by type; the position follows", async (t) => {
  const { client, last, room } = inRoom();
  const told: string[] = [];
  room.on("event", (event) => told.push(`event ${event.seq}`));
  room.on("message", (event) => told.push(`message ${event.message}`));
  room.on("edit", (event) => told.push(`edit of ${event.target}`));
  room.on("delete", (event) => told.push(`delete of ${event.target}`));
  room.on("room", (event) => told.push(`topic ${event.topic}`));
  const common = { room: "수다방", user: "영희", at: "2026-01-01T00:00:00.000Z", epoch: "e1" };
  last().message("수다방", 3).message("수다방", 3).message("수다방", 2);
  last().receive(
    { ...common, seq: 5, type: "edit", target: 3, message: "better" },
    { ...common, seq: 6, type: "delete", target: 3 },
    { ...common, seq: 9, type: "room", topic: "tea" },
  );
  t.same(told, ["event 3", "message m3", "event 5", "edit of 3", "event 6", "delete of 3", "event 9", "topic tea"]);
  t.equal(room.position, "e1.9");
  client.close();
});

t.test("F2: a resumed room skips known events and emits missed ones", async (t) => {
  const { client, clock, last, room } = inRoom();
  const seqs: number[] = [];
  const told: object[] = [];
  room.on("event", ({ seq }) => seqs.push(seq));
  room.on("joined", (joined) => told.push(joined));
  room.on("caughtUp", (caughtUp) => told.push(caughtUp));
  last().message("수다방", 3).message("수다방", 5);
  last().drop();
  clock.advance(500);
  last().accept().message("수다방", 6);
  t.same(seqs, [3, 5], "events before joined are ignored");
  last().joined("수다방", 8);
  t.equal(room.position, "e1.5", "the position is the last event, not the head");
  last().message("수다방", 5).message("수다방", 6).message("수다방", 8).caughtUp("수다방", 8).message("수다방", 9);
  t.same(seqs, [3, 5, 6, 8, 9]);
  t.same(told, [{ epoch: "e1", position: "e1.8", recovered: true }, { position: "e1.8" }]);
  client.close();
});

t.test("F2: caughtUp moves the position forward only, and not into another epoch", async (t) => {
  const { client, last, room } = inRoom();
  // Events of other rooms raise the sequence.
  last().caughtUp("수다방", 7);
  t.equal(room.position, "e1.7");
  last().caughtUp("수다방", 5);
  last().receive(
    { type: "caughtUp", room: "수다방", position: "e2.9" },
    { type: "caughtUp", room: "수다방", position: "?" },
  );
  t.equal(room.position, "e1.7");
  client.close();
});

t.test("F2: recovered:false moves the position to the head and is emitted", async (t) => {
  const { client, clock, last, room } = inRoom();
  const seqs: number[] = [];
  const joins: object[] = [];
  room.on("event", ({ seq }) => seqs.push(seq));
  room.on("joined", (joined) => joins.push(joined));
  last().message("수다방", 100);
  last().drop();
  clock.advance(500);
  last().accept().joined("수다방", 50, false);
  t.equal(room.position, "e1.50", "also backwards, if the client was ahead");
  last().message("수다방", 51);
  t.same(seqs, [100, 51]);
  last().joined("수다방", 2, false, "e2").message("수다방", 3, { epoch: "e2" });
  t.same(seqs, [100, 51, 3], "a new log");
  t.equal(room.position, "e2.3");
  t.same(joins, [
    { epoch: "e1", position: "e1.50", recovered: false },
    { epoch: "e2", position: "e2.2", recovered: false },
  ]);
  client.close();
});

t.test("a message that was stored twice is emitted once, until the page reloads the room", async (t) => {
  const { client, last, room } = inRoom();
  const seqs: number[] = [];
  room.on("message", ({ seq }) => seqs.push(seq));
  last().message("수다방", 1, { nonce: "n" }).message("수다방", 2, { nonce: "n" });
  last().message("수다방", 3, { nonce: "n", user: "철수" });
  t.same(seqs, [1, 3], "another user's nonce is another message");
  t.equal(room.position, "e1.3");
  for (let seq = 4; seq < 4 + 512; seq++) last().message("수다방", seq, { nonce: `other ${seq}` });
  last().message("수다방", 1000, { nonce: "n" });
  t.equal(seqs.at(-1), 1000, "memory is bounded");
  last().joined("수다방", 1000, false).message("수다방", 1001, { nonce: "n" });
  t.equal(seqs.at(-1), 1001);
  client.close();
});

t.test("F3: a nonce with another text is another message", async (t) => {
  const { client, last, room } = inRoom();
  const texts: string[] = [];
  room.on("message", ({ message }) => texts.push(message));
  for (const [seq, text] of ["one", "two", "one", "two"].entries()) {
    last().message("수다방", seq + 1, { nonce: "n", text });
  }
  t.same(texts, ["one", "two"]);
  client.close();
});

t.test("F3: two texts with one nonce at once: the second is refused, and not answered as the first", async (t) => {
  const { client, last, room } = inRoom();
  const first = room.send("one", { nonce: "n" });
  await t.rejects(room.send("two", { nonce: "n" }), { code: "conflict", temporary: false });
  await t.rejects(room.send("one", { nonce: "n", replyTo: 1 }), { code: "conflict" });
  last().ack("수다방", "n", 4);
  t.match(await first, { seq: 4 });
  client.close();
});

t.test("F3: a conflict ends that send, and those behind it go on", async (t) => {
  const { client, last, room } = inRoom();
  const answers = ["one", "two"].map((text) => room.send(text, { nonce: text }));
  last().ack("수다방", "two", 5);
  const about = { user: "system" as const, message: "another message", room: "수다방", nonce: "one" };
  last().receive({ type: "error", code: "conflict", temporary: false, ...about });
  await t.rejects(answers[0]!, { code: "conflict", temporary: false });
  t.match(await answers[1], { seq: 5 });
  t.same(room.pending, []);
  client.close();
});

t.test("F3: an own event with the nonce of a send and another text acknowledges nothing", async (t) => {
  const { client, clock, last, room } = inRoom();
  void room.send("hello", { nonce: "mine" });
  last().drop();
  clock.advance(500);
  const other = { nonce: "mine", user: "민수", text: "bye" };
  last().accept().joined("수다방", 5).message("수다방", 5, other).caughtUp("수다방", 5);
  t.same(last().messages, ["hello"]);
  client.close();
});

t.test("a send resolves with its ack and is pending until then", async (t) => {
  const { client, last, room } = inRoom();
  const sent: object[] = [];
  room.on("sent", (event) => sent.push(event));
  const answer = room.send("안녕", { nonce: "n1", replyTo: 4 });
  t.equal(room.send("again", { nonce: "n1" }) instanceof Promise, true, "refused without a crash");
  t.same(room.pending, [{ nonce: "n1", text: "안녕", replyTo: 4 }]);
  t.same(last().sent.at(-1), { type: "message", room: "수다방", message: "안녕", nonce: "n1", replyTo: 4 });
  t.same(last().messages, ["안녕"], "a nonce that is pending is not sent twice");
  last().ack("수다방", "n1", 7).ack("수다방", "n1", 8);
  t.same(await answer, { nonce: "n1", seq: 7, epoch: "e1", duplicate: false });
  t.same(room.pending, []);
  t.same(sent, [{ nonce: "n1", text: "안녕", replyTo: 4, seq: 7, epoch: "e1", duplicate: false }]);
  client.close();
});

t.test("a permanent error rejects one send and no other", async (t) => {
  const { client, last, room } = inRoom();
  const failed: object[] = [];
  client.on("error", () => t.fail("it belongs to a send"));
  room.on("failed", ({ nonce, error }) => failed.push([nonce, error.code]));
  const bad = room.send("bad", { nonce: "b" });
  const good = room.send("good", { nonce: "g" });
  const about = { user: "system" as const, message: "too long", room: "수다방", nonce: "b" };
  last().receive({ type: "error", code: "text_too_long", temporary: false, ...about });
  await t.rejects(bad, { code: "text_too_long", temporary: false });
  last().ack("수다방", "g", 2);
  t.match(await good, { seq: 2 });
  t.same(failed, [["b", "text_too_long"]]);
  client.close();
});

t.test("a send that is refused temporarily emits held, stays pending, and is repeated", async (t) => {
  const { client, clock, last, room } = inRoom();
  const held: object[] = [];
  room.on("held", ({ nonce, text, error }) => held.push([nonce, text, error.code, error.retryAfter]));
  const answer = room.send("slowly", { nonce: "s" });
  const about = { user: "system" as const, message: "slow mode", room: "수다방", nonce: "s" };
  last().receive({ type: "error", code: "rate_limited", temporary: true, retryAfter: 3, ...about });
  t.same(held, [["s", "slowly", "rate_limited", 3]]);
  t.equal(room.pending.length, 1);
  clock.advance(10_000);
  t.same(last().messages, ["slowly", "slowly"]);
  last().ack("수다방", "s", 2);
  t.match(await answer, { seq: 2 });
  t.equal(held.length, 1);
  client.close();
});

t.test("a send stored by a connection that was lost is recognised in the replay", async (t) => {
  const { client, clock, last, room } = inRoom();
  const answer = room.send("hello", { nonce: "mine" });
  last().drop();
  clock.advance(500);
  last().accept().joined("수다방", 5);
  t.same(last().messages, [], "sends wait for the end of the replay");
  last().message("수다방", 5, { nonce: "mine", user: "민수", text: "hello" }).caughtUp("수다방", 5);
  t.same(await answer, { nonce: "mine", seq: 5, epoch: "e1", duplicate: true });
  t.same(last().messages, [], "a stored message is not sent again");
  client.close();
});

t.test("another user's event with the same nonce acknowledges nothing", async (t) => {
  const { client, clock, last, room } = inRoom();
  void room.send("hello", { nonce: "mine" });
  last().drop();
  clock.advance(500);
  last().accept().joined("수다방", 5).message("수다방", 5, { nonce: "mine", user: "철수" }).caughtUp("수다방", 5);
  t.same(last().messages, ["hello"]);
  client.close();
});

t.test("sends wait 10 s at most for the end of the replay", async (t) => {
  const { client, clock, last, room } = inRoom();
  void room.send("hello");
  last().drop();
  clock.advance(500);
  last().accept().joined("수다방", 5);
  clock.advance(10_000);
  t.same(last().messages, ["hello"]);
  client.close();
});

t.test("an invalid send is rejected without a frame", async (t) => {
  const { client, room } = inRoom();
  await t.rejects(room.send("x".repeat(65_536)), { code: "text_too_long" });
  await t.rejects(room.send("x", { nonce: "" }), { code: "bad_frame" });
  await t.rejects(room.send("x", { nonce: "n".repeat(129) }), { code: "bad_frame" });
  await t.rejects(room.send("x", { replyTo: 0.5 }), { code: "bad_frame" });
  await t.rejects(room.send(7 as unknown as string), { code: "bad_frame" });
  t.same(room.pending, []);
  client.close();
});

t.test("a listener that throws does not stop the client", async (t) => {
  const reported = t.capture(console, "error", () => {});
  const { client, last, room } = inRoom();
  room.on("event", () => {
    throw new Error("mine");
  });
  room.on("sent", () => {
    throw new Error("mine too");
  });
  const answers = [room.send("a", { nonce: "a" }), room.send("b", { nonce: "b" })];
  last().message("수다방", 1).ack("수다방", "a", 2).ack("수다방", "b", 3);
  t.match(await Promise.all(answers), [{ seq: 2 }, { seq: 3 }]);
  t.equal(room.position, "e1.1");
  t.equal(reported.args().length, 3);
  client.close();
});

t.test("sends before connecting are sent once the room is joined", async (t) => {
  const { client, last } = setup();
  const room = client.join("a");
  void room.send("one");
  client.connect();
  last().accept();
  t.same(last().messages, []);
  last().joined("a");
  t.same(last().messages, ["one"], "a live join has no replay");
  client.close();
});

t.test("F4: typing is sent every 3 s at most, again after a message, and only in a joined room", async (t) => {
  const { client, clock, last, room } = inRoom();
  const said = () => last().sent.filter(({ type }) => type === "typing").length;
  const told: object[] = [];
  room.on("typing", (who) => told.push(who));
  for (const [afterMs, times] of [
    [0, 1],
    [2999, 1],
    [1, 2],
    [100, 2],
  ] as const) {
    clock.advance(afterMs);
    room.typing();
    t.equal(said(), times, `${afterMs} ms later`);
  }
  t.same(last().sent.at(-1), { type: "typing", room: "수다방" });
  void room.send("done").catch(() => {});
  room.typing();
  t.equal(said(), 3);
  last().receive({ type: "typing", room: "수다방", user: "영희" });
  last().receive({ type: "typing", room: "elsewhere", user: "영희" });
  t.same(told, [{ user: "영희" }]);
  const position = room.position;
  room.on("error", () => t.fail("a refused typing notice is not an error of the room"));
  last().receive({ ...errorFrame("muted", false, "수다방"), field: "typing" });
  last().drop();
  clock.advance(10_000);
  room.typing();
  last().accept();
  room.typing();
  t.equal(said(), 0, "not joined yet");
  last().joined("수다방", 9);
  room.typing();
  t.equal(said(), 1);
  t.equal(room.position, position);
  client.close();
});
