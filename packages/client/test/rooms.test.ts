import t from "tap";
import type { MadangError } from "../src/index.ts";
import { errorFrame, inRoom, setup } from "./fakes.ts";

t.test("rooms have valid names, one object each, and the server's limit", async (t) => {
  const { client, last } = setup();
  t.throws(() => client.join("a/b"), { code: "bad_room" });
  t.throws(() => client.join("a", { after: "nonsense" }), { code: "bad_position" });
  t.equal(client.join("a"), client.join("a"));
  t.equal(client.join("\u1112\u1161\u11ab"), client.join("한"), "names are in NFC");
  for (let i = 0; i < 126; i++) client.join(`room${i}`);
  t.throws(() => client.join("one too many"), { code: "too_many_rooms" });
  client.connect();
  last().accept("민수", 130);
  client.join("now it fits");
  t.match(last().sent.at(-1), { type: "join", room: "now it fits" });
  client.close();
});

t.test("a refused join ends the room and rejects its sends", async (t) => {
  const { client, clock, last, room } = inRoom();
  const errors: MadangError[] = [];
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

t.test("a listener of a refused join may join the room again", async (t) => {
  const { client, last } = inRoom();
  const refused = client.join("secret");
  refused.on("error", () => client.join("secret", { after: "e1.7" }));
  last().receive(errorFrame("not_allowed", false, "secret"));
  t.not(client.join("secret"), refused);
  t.same(last().sent.at(-1), { type: "join", room: "secret", after: "e1.7" });
  client.close();
});

t.test("a join that fails temporarily is repeated", async (t) => {
  const { client, clock, last } = inRoom();
  client.join("busy");
  last().receive({ ...errorFrame("rate_limited", true, "busy"), retryAfter: 3 });
  clock.advance(3499);
  t.equal(last().sent.filter(({ type }) => type === "join").length, 1);
  clock.advance(1);
  t.equal(last().sent.filter(({ type }) => type === "join").length, 2);
  client.close();
});

t.test("F5: a room that is left and joined at once emits only events of the second stay", async (t) => {
  const { client, last, room } = inRoom();
  const old: number[] = [];
  const heard: number[] = [];
  room.on("event", ({ seq }) => old.push(seq));
  room.leave();
  const again = client.join("수다방", { after: "e1.3" });
  again.on("event", ({ seq }) => heard.push(seq));
  t.not(again, room);
  t.match(last().sent.at(-1), { type: "leave" }, "the join waits for the answer to the leave");
  last().message("수다방", 9);
  last().receive({ type: "left", room: "수다방" });
  t.match(last().sent.at(-1), { type: "join", room: "수다방", after: "e1.3" });
  last().joined("수다방", 9).message("수다방", 4).message("수다방", 9).caughtUp("수다방", 9);
  t.same(old, []);
  t.same(heard, [4, 9]);
  client.close();
});

t.test("joins and leaves between hello and welcome are sent after the welcome", async (t) => {
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

t.test("leaving a room rejects its pending sends and later ones", async (t) => {
  const { client, room } = inRoom();
  const send = room.send("hello");
  room.leave();
  room.leave();
  await t.rejects(send, { code: "room_left" });
  await t.rejects(room.send("more"), { code: "room_left" });
  client.close();
});

t.test("F5: an unasked left ends the room, with or without an error that gives the reason", async (t) => {
  const { client, room, last } = inRoom();
  const told: unknown[] = [];
  room.on("left", (how) => told.push([how, room.state]));
  room.on("error", ({ code }) => told.push(code));
  t.equal(room.state, "joined");
  const send = room.send("hello");
  last().receive({ type: "left", room: "수다방" });
  t.same(told, [[{ byServer: true }, "left"]]);
  await t.rejects(send, { code: "room_left" });
  last().receive(errorFrame("room_closed", false, "수다방"));
  t.same(told.slice(1), ["room_closed"]);
  room.leave();
  t.equal(told.length, 2, "left once");

  const again = client.join("수다방");
  again.on("left", (how) => told.push(how));
  t.equal(again.state, "joining");
  last().joined("수다방");
  t.equal(again.state, "joined");
  last().drop();
  t.equal(again.state, "joining");
  again.leave();
  t.equal(again.state, "left");
  t.same(told.slice(2), [{ byServer: false }]);

  const refused = client.join("secret");
  const closed = new Promise((resolve) => refused.on("left", resolve));
  client.close();
  client.connect();
  last()
    .accept()
    .receive(errorFrame("not_allowed", false, "secret"));
  t.same(await closed, { byServer: true });
  t.equal(refused.state, "left");
  client.close();
});

t.test("the error after an unasked left reaches the room that ended, not a room that was joined again", async (t) => {
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
  t.same(heard, ["room: not_allowed", "client: not_allowed"], "the room that ended");
  last().receive(errorFrame("not_allowed", false, "수다방"));
  t.same(heard.slice(2), ["again: not_allowed", "client: not_allowed"], "the room that was joined again");
  client.close();
});
