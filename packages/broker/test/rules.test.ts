import type { MemberRule, RoomRule } from "@madang/protocol";
import { controlFor, eventually, logAdminFor, natsConnection, natsFor } from "@madang/test-kit";
import t from "tap";
import { RuleBook } from "../src/rule-book.ts";

const room = (name: string): RoomRule => ({ kind: "room", room: name, status: 0, slowModeS: 0 });
const ban = (user: string, roomName?: string): MemberRule => ({
  kind: "member",
  user,
  ...(roomName === undefined ? {} : { room: roomName }),
  ban: { reason: "", at: new Date().toISOString() },
});

t.test("rules arrive live, at a late start, after a lost connection, and from two moderators at once", async (t) => {
  const nats = await natsFor(t);
  const early = await controlFor(t, nats);
  t.strictSame(early.rules.all(), [], "no stream: no rules");
  const [one, two] = [await logAdminFor(t, nats), await logAdminFor(t, nats)];

  await one.change(ban("민수"), () => ban("민수"));
  await eventually(() => early.rules.member(undefined, { user: "민수" })?.ban !== undefined, { limitMs: 1000 });
  t.notOk(early.rules.member("수다방", { user: "민수" }), "a rule for all rooms is not one of a room");
  t.notOk(
    early.rules.member(undefined, { user: "민수", userId: "u1" }),
    "a rule about a name does not apply to a user id",
  );
  await one.change(ban("a", "수다방"), () => ban("a", "수다방"));
  await Promise.all([
    ...[1, 2, 3].map((n) => one.change(room("수다방"), (rule) => ({ ...rule, slowModeS: n * 10 }))),
    two.change(room("수다방"), (rule) => ({ ...rule, status: 1 })),
  ]);
  const rules = (at: { rules: { room(name: string): RoomRule | undefined } }) => at.rules.room("수다방");
  await eventually(() => rules(early)?.status === 1 && rules(early)!.slowModeS > 0);
  await eventually(() => JSON.stringify(rules(one)) === JSON.stringify(rules(early)));

  await Promise.all(
    Array.from({ length: 20 }, () => two.change(room("busy"), (rule) => ({ ...rule, slowModeS: rule.slowModeS + 1 }))),
  );
  t.equal(two.rules.room("busy")?.slowModeS, 20, "none of twenty changes at the same time is lost");
  await eventually(() => [early, one].every(({ rules }) => rules.room("busy")?.slowModeS === 20));

  const late = await controlFor(t, nats);
  t.strictSame(
    late.rules
      .all()
      .map((rule) => JSON.stringify(rule))
      .sort(),
    early.rules
      .all()
      .map((rule) => JSON.stringify(rule))
      .sort(),
    "a late start reads all rules",
  );

  await nats.kill("SIGKILL");
  await nats.restart();
  await eventually(() => one.connected);
  await one.change(ban("b"), () => ban("b"));
  await eventually(() => late.rules.member(undefined, { user: "b" })?.ban !== undefined);

  // At most once: a report is lost while either side is dialling.
  await eventually(() => {
    early.report({ id: "e1", connections: 3, rooms: 2, stored: 9 });
    return two.edges().length === 1;
  });
  t.match(two.edges(), [{ id: "e1", connections: 3 }]);
  const { now } = performance;
  t.intercept(performance, "now", { value: () => now.call(performance) + 13_000 });
  t.strictSame(two.edges(), [], "an edge without a report for 12 s is not listed");
});

t.test("malformed reports of edges are ignored", async (t) => {
  const nats = await natsFor(t);
  const logAdmin = await logAdminFor(t, nats);
  const { nc } = await natsConnection(t, nats);
  const report = { connections: 1, rooms: 1, stored: 1 };
  for (const said of ["", "{", "null", '{"id":"x"}', JSON.stringify({ id: 7, ...report })])
    nc.publish("chat.edge.x", said);
  nc.publish("chat.edge.y", JSON.stringify({ id: "y", ...report }));
  await eventually(() => logAdmin.edges().length > 0);
  t.strictSame(logAdmin.edges(), [{ id: "y", ...report }]);
});

t.test("a stream of rules that was created anew lifts no ban", async (t) => {
  const nats = await natsFor(t);
  const logAdmin = await logAdminFor(t, nats);
  for (const name of ["a", "b", "c"]) await logAdmin.change(ban(name), () => ban(name));
  const edge = await controlFor(t, nats);
  const { nc, jsm } = await natsConnection(t, nats);
  // It reads the new stream, while the edge receives the changes live.
  const book = new RuleBook();
  book.connect(nc, jsm);
  t.teardown(() => book.close());
  await book.read();
  const { config } = await jsm.streams.info("CHAT_RULES");
  await jsm.streams.delete("CHAT_RULES");
  await jsm.streams.add(config);
  nc.publish("chat.rule.nonsense", "{}");
  nc.publish("chat.rule.everywhere.x", JSON.stringify(ban("mallory")));
  await logAdmin.change(ban("a"), ({ ban: _ban, ...rest }) => rest);
  await book.read();
  await eventually(() => edge.rules.member(undefined, { user: "a" })?.ban === undefined);
  for (const rules of [edge.rules, book]) {
    t.match(
      rules.member(undefined, { user: "a" }),
      { user: "a", ban: undefined },
      "a low sequence of the new stream counts",
    );
    t.ok(rules.member(undefined, { user: "b" })?.ban);
    t.notOk(rules.member(undefined, { user: "mallory" }), "a rule under another rule's subject is ignored");
  }
});

t.test("an erased event is gone from the log, and a second erasure does nothing", async (t) => {
  const nats = await natsFor(t);
  const logAdmin = await logAdminFor(t, nats);
  const at = new Date().toISOString();
  const { seq } = await logAdmin.publish({ type: "message", room: "a", user: "u", message: "m", at }, "id");
  t.equal((await logAdmin.publish({ type: "message", room: "a", user: "u", message: "m", at }, "id")).seq, seq);
  await logAdmin.publish({ type: "message", room: "b", user: "u", message: "m", at }, "id2");
  for (let i = 0; i < 2; i++) await logAdmin.erase(seq);
  t.strictSame(
    (await logAdmin.scan(undefined, 1)).map((record) => record.seq),
    [seq + 1],
  );
  t.strictSame(await logAdmin.scan("a", 1), []);
});
