import t from "tap";
import { inRoom } from "./fakes.ts";

const ROOM = "수다방";

/** A client in a room with `count` sends: m0, m1, … */
function sending(count: number) {
  const all = inRoom(ROOM);
  const answers = Array.from({ length: count }, (_, i) => all.room.send(`m${i}`, { nonce: `m${i}` }));
  const texts = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m${from + i}`);
  return { ...all, answers, texts };
}

t.test("F3: one send is in flight until the first answer, then up to 32", async (t) => {
  const { client, socket, texts } = sending(50);
  t.same(socket.messages, ["m0"]);
  socket.ack(ROOM, "m0", 1);
  t.same(socket.messages, texts(0, 33));
  socket.ack(ROOM, "m1", 2).ack(ROOM, "m2", 3);
  t.same(socket.messages, texts(0, 35));
  client.close();
});

t.test(
  "F3: after a temporary error, the client waits for the other answers and repeats from there in order",
  async (t) => {
    const { client, clock, socket, texts } = sending(6);
    socket.ack(ROOM, "m0", 1);
    t.same(socket.messages, texts(0, 6));
    socket.refuse(ROOM, "m2");
    clock.advance(4_999);
    t.same(socket.messages, texts(0, 6), "m1, m3, m4, m5 have no answer yet");
    socket.ack(ROOM, "m1", 2).refuse(ROOM, "m3").refuse(ROOM, "m4").refuse(ROOM, "m5");
    clock.advance(0);
    t.same(socket.messages.slice(6), ["m2"], "one alone");
    socket.ack(ROOM, "m2", 3);
    t.same(socket.messages.slice(6), texts(2, 6));
    client.close();
  },
);

t.test("F3: the wait for the other answers is bounded", async (t) => {
  const { client, clock, socket } = sending(4);
  socket.ack(ROOM, "m0", 1).refuse(ROOM, "m1");
  clock.advance(4_999);
  t.equal(socket.messages.length, 4);
  clock.advance(1);
  t.same(socket.messages.slice(4), ["m1"]);
  client.close();
});

t.test("F3: the client waits for retryAfter; without it, the wait grows until a send is stored", async (t) => {
  const { client, clock, socket } = sending(1);
  let seq = 100;
  /** Milliseconds until the refused send is repeated, in a room with traffic. */
  const wait = (nonce: string, retryAfter?: number) => {
    const tries = socket.messages.length;
    let ms = 0;
    socket.refuse(ROOM, nonce, retryAfter);
    for (; socket.messages.length === tries; ms += 500) {
      socket.message(ROOM, seq++);
      clock.advance(500);
    }
    return ms;
  };
  t.equal(wait("m0", 7), 7_500, "the hint plus jitter");
  t.same(
    Array.from({ length: 7 }, () => wait("m0")),
    [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000],
  );
  t.equal(wait("m0", 7), 7_500, "a hint replaces the growth of the backoff");
  socket.ack(ROOM, "m0", 1);
  void client.join(ROOM).send("m1", { nonce: "m1" });
  t.equal(wait("m1"), 500);
  client.close();
});

t.test("F3: the longest retryAfter of several refusals applies", async (t) => {
  const { client, clock, socket } = sending(4);
  socket.ack(ROOM, "m0", 1).refuse(ROOM, "m1").refuse(ROOM, "m2", 7).refuse(ROOM, "m3", 3);
  clock.advance(6_999);
  t.equal(socket.messages.length, 4);
  clock.advance(1);
  t.same(socket.messages.slice(4), ["m1"]);
  client.close();
});

t.test("F3: no new sends while the oldest has waited for 5 s", async (t) => {
  const { client, clock, room, socket } = sending(2);
  socket.ack(ROOM, "m0", 1);
  clock.advance(4_999);
  void room.send("in time");
  clock.advance(1);
  void room.send("held");
  t.same(socket.messages, ["m0", "m1", "in time"]);
  t.match(socket.sent.at(-1), { type: "leave" }, "and the client probes the connection");
  socket.ack(ROOM, "m1", 2);
  t.same(socket.messages, ["m0", "m1", "in time", "held"]);
  client.close();
});

t.test("F3: a send without an answer in 30 s is repeated", async (t) => {
  const { client, clock, room, socket, answers } = sending(2);
  socket.ack(ROOM, "m0", 1);
  for (let i = 0; i < 30; i++) {
    clock.advance(1_000);
    socket.message(ROOM, 10 + i);
  }
  t.same(socket.messages, ["m0", "m1"]);
  clock.advance(5_000);
  t.same(socket.messages, ["m0", "m1", "m1"], "the same send, the same nonce");
  socket.ack(ROOM, "m1", 5, true).ack(ROOM, "m1", 5, true);
  t.match(await Promise.all(answers), [{ seq: 1 }, { seq: 5, duplicate: true }]);
  t.same(room.pending, []);
  client.close();
});

t.test("F3: after a reconnect, all unanswered sends are repeated in order", async (t) => {
  const { client, clock, last, room, socket } = sending(4);
  socket.ack(ROOM, "m0", 1);
  socket.ack(ROOM, "m2", 3);
  socket.drop();
  void room.send("m4", { nonce: "m4" });
  clock.advance(500);
  last().accept().joined(ROOM, 3).caughtUp(ROOM, 3);
  t.same(last().messages, ["m1"]);
  last().ack(ROOM, "m1", 2, true);
  t.same(last().messages, ["m1", "m3", "m4"]);
  client.close();
});

t.test("a late answer to an earlier attempt counts", async (t) => {
  const { client, clock, socket, answers } = sending(3);
  socket.ack(ROOM, "m0", 1).refuse(ROOM, "m1").refuse(ROOM, "m2");
  clock.advance(500);
  t.same(socket.messages.slice(3), ["m1"]);
  socket.ack(ROOM, "m2", 9).ack(ROOM, "m1", 8);
  t.match(await Promise.all(answers), [{ seq: 1 }, { seq: 8 }, { seq: 9 }]);
  client.close();
});

t.test("F3: on an open lane, an event in the log does not acknowledge a send", async (t) => {
  const { client, clock, room, socket, answers } = sending(2);
  socket.ack(ROOM, "m0", 1).message(ROOM, 2, { nonce: "m1", user: "민수" });
  t.same(
    room.pending.map(({ nonce }) => nonce),
    ["m1"],
  );
  socket.refuse(ROOM, "m1");
  clock.advance(1_000);
  t.same(socket.messages, ["m0", "m1", "m1"]);
  socket.ack(ROOM, "m1", 2, true);
  t.match(await answers[1], { seq: 2, duplicate: true });
  client.close();
});
