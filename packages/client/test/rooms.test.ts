import t from "tap";
import type { ErrorFrame } from "../src/index.ts";
import { errorFrame, inRoom, setup } from "./fakes.ts";

t.test("rooms: checked names, one handle each, and no more than the server takes", async (t) => {
  const { client, last } = setup();
  t.throws(() => client.join("a/b"), { code: "bad_room" });
  t.throws(() => client.join("a", { after: "nonsense" }), { code: "bad_position" });
  t.equal(client.join("a"), client.join("a"));
  t.equal(client.join("\u1112\u1161\u11ab"), client.join("한"), "in NFC, as the server names it");
  for (let i = 0; i < 126; i++) client.join(`room${i}`);
  t.throws(() => client.join("one too many"), { code: "too_many_rooms" });
  client.connect();
  last().accept("민수", 130);
  client.join("now it fits");
  t.match(last().sent.at(-1), { type: "join", room: "now it fits" });
  client.close();
});

t.test("a room that may not be joined is dropped and its sends are rejected", async (t) => {
  const { client, clock, last, room } = inRoom();
  const errors: ErrorFrame[] = [];
  client.on("error", (error) => errors.push(error));
  const secret = client.join("secret");
  const send = secret.send("psst");
  last().receive(errorFrame("not_allowed", false, "secret"));
  await t.rejects(send, { code: "not_allowed" });
  t.same(
    errors.map(({ code }) => code),
    ["not_allowed"],
  );
  last().drop();
  clock.advance(500);
  last().open();
  t.same(
    last().sent.flatMap((frame) => (frame.type === "hello" ? frame.join!.map(({ room }) => room) : [])),
    [room.name],
  );
  client.close();
});

t.test("who hears that a room was refused may ask for it anew", async (t) => {
  const { client, last } = inRoom();
  const refused = client.join("secret");
  refused.on("error", () => client.join("secret", { after: "e1.7" }));
  last().receive(errorFrame("not_allowed", false, "secret"));
  t.not(client.join("secret"), refused);
  t.same(last().sent.at(-1), { type: "join", room: "secret", after: "e1.7" });
  client.close();
});

t.test("a room that cannot be joined for now is asked for again", async (t) => {
  const { client, clock, last } = inRoom();
  client.join("busy");
  last().receive({ ...errorFrame("rate_limited", true, "busy"), retryAfter: 3 });
  clock.advance(3499);
  t.equal(last().sent.filter(({ type }) => type === "join").length, 1);
  clock.advance(1);
  t.equal(last().sent.filter(({ type }) => type === "join").length, 2);
  client.close();
});

t.test("F5: leaving and coming back at once does not mix the two stays", async (t) => {
  const { client, last, room } = inRoom();
  const old: number[] = [];
  const heard: number[] = [];
  room.on("event", ({ seq }) => old.push(seq));
  room.leave();
  const again = client.join("수다방", { after: "e1.3" });
  again.on("event", ({ seq }) => heard.push(seq));
  t.not(again, room);
  t.match(last().sent.at(-1), { type: "leave" }, "the join waits for the answer to leave");
  last().message("수다방", 9);
  last().receive({ type: "left", room: "수다방" });
  t.match(last().sent.at(-1), { type: "join", room: "수다방", after: "e1.3" });
  last().joined("수다방", 9).message("수다방", 4).message("수다방", 9).caughtUp("수다방", 9);
  t.same(old, []);
  t.same(heard, [4, 9]);
  client.close();
});

t.test("what is joined and left between hello and welcome is put right after it", async (t) => {
  const { client, last } = setup();
  const a = client.join("a");
  client.connect();
  last().open();
  a.leave();
  client.join("b");
  last().accept();
  t.same(last().sent.slice(-2), [
    { type: "leave", room: "a" },
    { type: "join", room: "b" },
  ]);
  client.close();
});

t.test("leaving rejects what is pending there, and nothing more can be sent", async (t) => {
  const { client, room } = inRoom();
  const send = room.send("hello");
  room.leave();
  room.leave();
  await t.rejects(send, { code: "room_left" });
  await t.rejects(room.send("more"), { code: "room_left" });
  client.close();
});

t.test("the server may take the client out of a room, and says why", async (t) => {
  const { client, room, last } = inRoom();
  const heard: string[] = [];
  client.on("error", ({ code }) => heard.push(`client: ${code}`));
  room.on("error", ({ code }) => heard.push(`room: ${code}`));
  const send = room.send("hello");
  last().receive({ type: "left", room: "수다방" });
  await t.rejects(send, { code: "room_left" });
  const again = client.join("수다방");
  t.not(again, room);
  again.on("error", ({ code }) => heard.push(`again: ${code}`));
  last().receive(errorFrame("not_allowed", false, "수다방"));
  t.same(heard, ["room: not_allowed", "client: not_allowed"], "whoever was put out hears of it");
  last().receive(errorFrame("not_allowed", false, "수다방"));
  t.same(heard.slice(2), ["again: not_allowed", "client: not_allowed"], "and who asked anew, what became of that");
  client.close();
});
