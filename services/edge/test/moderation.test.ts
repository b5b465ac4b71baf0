import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Action } from "@madang/auth";
import type { MemberRule, RoomRule } from "@madang/protocol";
import {
  bearer,
  controlFor,
  eventually,
  type Frame,
  full,
  HttpClient,
  JWT_ENV,
  logAdminFor,
  natsFor,
  plain,
  token,
  type WireClient,
} from "@madang/test-kit";
import t, { type Test } from "tap";
import { wordFilter } from "../src/access/word-filter.ts";
import { edgeFor, plainMember } from "./support.ts";

const SOON_MS = 1000;

const tokenOf = (sub: string, can: Action[] = ["read", "write"]) =>
  token({ sub, name: sub, rooms: [{ pattern: "*", can }] }, 3600);

/** Sets moderation rules as the persistence service does. */
async function moderator(t: Test, nats: { url: string }) {
  const logAdmin = await logAdminFor(t, nats);
  return {
    room: (room: string, change: Partial<RoomRule>) =>
      logAdmin.change<RoomRule>({ kind: "room", room, status: 0, slowModeS: 0 }, (rule) => ({ ...rule, ...change })),
    member: (member: Pick<MemberRule, "room" | "user" | "userId">, change: Partial<MemberRule>) =>
      logAdmin.change<MemberRule>({ kind: "member", ...member }, (rule) => ({ ...rule, ...change })),
  };
}

async function moderatedEdge(t: Test, nats: { url: string }, env: NodeJS.ProcessEnv = {}) {
  return edgeFor(t, nats, env, await controlFor(t, nats));
}

async function refused(client: WireClient, room: string, text: string): Promise<Frame> {
  client.post(room, text);
  return client.next("error", { nonce: text });
}

/** Sends until the edge knows the new rule and refuses. */
async function eventuallyRefused(client: WireClient, room: string, code: string): Promise<Frame> {
  for (let i = 0; ; i++) {
    const text = `${code} ${i}`;
    client.post(room, text);
    const answer = await eventually(() => client.frames.find(({ nonce }) => nonce === text));
    const error = answer.type === "error" ? answer : client.of("error").find(({ nonce }) => nonce === text);
    if (error?.code === code) return error;
  }
}

async function eventuallySaid(client: WireClient, room: string, text: string): Promise<void> {
  await eventually(() => {
    client.post(room, text);
    return client.of("ack").some(({ nonce }) => nonce === text);
  });
}

async function withToken(t: Test, edge: { port: number }, sub: string, join: string[], can?: Action[]) {
  return full(t, edge, { token: await tokenOf(sub, can) }, join);
}

const sanction = (ms?: number) => ({
  reason: "spam",
  at: new Date().toISOString(),
  ...(ms === undefined ? {} : { until: new Date(Date.now() + ms).toISOString() }),
});

t.test("F7: a ban closes the user's connections on every edge within a second, until it ends", async (t) => {
  const nats = await natsFor(t);
  const { member } = await moderator(t, nats);
  const edges = [await moderatedEdge(t, nats, JWT_ENV), await moderatedEdge(t, nats, JWT_ENV)] as const;
  const bad = [await withToken(t, edges[0], "mallory", ["a"]), await withToken(t, edges[1], "mallory", ["b"])];
  const good = await withToken(t, edges[1], "alice", ["b"]);
  for (const client of [...bad, good]) await client.next("caughtUp");
  const bannedAt = performance.now();
  await member({ user: "mallory", userId: "mallory" }, { ban: sanction() });
  for (const client of bad) t.equal((await client.closing(SOON_MS)).code, 3503);
  t.comment(`closed after ${Math.round(performance.now() - bannedAt)} ms`);
  await good.say("b", "still here");
  const again = await withToken(t, edges[0], "mallory", []);
  t.match(await again.next("error"), { code: "not_allowed" });
  t.equal((await again.closing()).code, 3503);
  const late = await moderatedEdge(t, nats, JWT_ENV);
  const elsewhere = await withToken(t, late, "mallory", []);
  t.equal((await elsewhere.closing()).code, 3503, "an edge that starts later knows the ban");
  const http = new HttpClient(late, bearer(await tokenOf("mallory")));
  t.equal((await http.post("b", "by HTTP")).status, 403);
  await member({ user: "mallory", userId: "mallory" }, { ban: sanction(300) });
  await eventually(async () => (await withToken(t, late, "mallory", [])).closed === undefined);
});

t.test("without tokens a ban applies to a nickname, in both protocols", async (t) => {
  const nats = await natsFor(t);
  const { member } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats);
  const client = await full(t, edge, "민수", ["a"]);
  const talker = await plainMember(t, edge, "a");
  talker.send({ user: "민수", message: "hi" });
  await talker.next("message");
  const other = await plainMember(t, edge, "a");
  await member({ user: "민수" }, { ban: sanction() });
  t.equal((await client.closing(SOON_MS)).code, 3503);
  t.equal((await talker.closing(SOON_MS)).code, 3503);
  other.send({ user: "영희", message: "hello" });
  await other.next("message", { user: "영희" });
  other.send({ user: "민수", message: "it is me again" });
  t.match(await other.next("error"), { code: "not_allowed" });
  t.equal((await other.closing()).code, 3503);
});

t.test(
  "a plain client that joins a closed room, or a room it is banned from, gets an error and is closed",
  async (t) => {
    const nats = await natsFor(t);
    const { room, member } = await moderator(t, nats);
    const edge = await moderatedEdge(t, nats, JWT_ENV);
    await room("shut", { status: 2 });
    await member({ room: "without me", userId: "minsu", user: "minsu" }, { ban: sanction() });
    const headers = bearer(await tokenOf("minsu"));
    for (const [name, code] of [
      ["shut", "room_closed"],
      ["without me", "not_allowed"],
    ] as const) {
      await eventually(async () => {
        const client = await plain(t, edge, name, "", headers);
        // An edge that does not know the rule yet admits the client, and removes it once it does.
        return (await client.closing()).code === 3507 && client.of("error")[0].code === code;
      });
    }
    t.pass();
  },
);

t.test("a ban from one room removes the user from that room only", async (t) => {
  const nats = await natsFor(t);
  const { member } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats);
  const client = await full(t, edge, "민수", ["수다방", "b"]);
  await client.next("caughtUp", { room: "b" });
  await member({ room: "수다방", user: "민수" }, { ban: sanction() });
  await client.next("left", { room: "수다방" }, SOON_MS);
  t.match(await client.next("error"), { code: "not_allowed", room: "수다방" });
  await client.say("b", "still allowed here");
  client.join("수다방");
  await eventually(() => client.of("error").length === 2);
  await member({ room: "수다방", user: "민수" }, { ban: { reason: "", at: "", until: "2020-01-01T00:00:00Z" } });
  await eventually(async () => {
    client.join("수다방");
    return client.of("joined").filter((frame) => frame.room === "수다방").length >= 2;
  });
});

t.test("mutes, read-only rooms, slow mode and closed rooms apply to each send, by every way in", async (t) => {
  const nats = await natsFor(t);
  const { member, room } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats, JWT_ENV);
  const join = ["a", "b"];
  const user = await withToken(t, edge, "bob", join);
  const boss = await withToken(t, edge, "boss", join, ["read", "write", "moderate"]);
  for (const client of [user, boss]) await client.next("caughtUp", { room: "b" });

  await member({ room: "a", user: "bob", userId: "bob" }, { mute: sanction(60_000) });
  const muted = await eventuallyRefused(user, "a", "muted");
  t.ok(muted.retryAfter > 50 && muted.retryAfter <= 60, "retryAfter is the rest of the mute");
  await user.say("b", "elsewhere");
  await member({ user: "bob", userId: "bob" }, { mute: sanction() });
  await eventuallyRefused(user, "b", "muted");
  await member({ user: "bob", userId: "bob" }, { mute: undefined as never });
  await member({ room: "a", user: "bob", userId: "bob" }, { mute: undefined as never });
  await eventuallySaid(user, "a", "x");

  await room("a", { status: 1 });
  await eventuallyRefused(user, "a", "room_read_only");
  await boss.say("a", "moderators may");
  await user.next("message", { message: "moderators may" });
  const http = new HttpClient(edge, bearer(await tokenOf("bob")));
  t.match((await http.post("a", "by HTTP")).body, { code: "room_read_only", status: 403 });

  await room("a", { status: 0, slowModeS: 2 });
  await eventuallySaid(user, "a", "s1");
  const slow = await eventuallyRefused(user, "a", "rate_limited");
  t.ok(slow.temporary);
  t.ok(slow.retryAfter > 0 && slow.retryAfter <= 2);
  await user.say("b", "no slow mode here");
  for (let i = 0; i < 3; i++) await boss.say("a", `boss ${i}`);
  await eventuallySaid(user, "a", "s2");

  await room("a", { status: 2, slowModeS: 0 });
  await user.next("left", { room: "a" }, SOON_MS);
  t.match(await user.next("error", (frame) => frame.room === "a" && frame.nonce === undefined), {
    code: "room_closed",
  });
  user.join("a");
  await eventually(() => user.of("error").filter((frame) => frame.code === "room_closed" && !frame.nonce).length === 2);
  await room("a", { status: 2, slowModeS: 0, deleted: true });
  user.join("a");
  await eventually(() => user.of("error").some((frame) => frame.code === "room_deleted"));
  await boss.say("a", "the last one out");
});

t.test("a message that is refused for its text uses no turn of slow mode, by any way in", async (t) => {
  const nats = await natsFor(t);
  const { room } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats);
  await room("a", { slowModeS: 3600 });
  const probe = await full(t, edge, "probe", ["a"]);
  await probe.next("caughtUp");
  await eventuallyRefused(probe, "a", "rate_limited");
  const tooLong = "x".repeat(4001);

  const user = await full(t, edge, "full", ["a"]);
  await user.next("caughtUp");
  t.match(await refused(user, "a", " "), { code: "empty_text" });
  user.post("a", tooLong, "long");
  t.match(await user.next("error", { nonce: "long" }), { code: "text_too_long" });
  await user.say("a", "first");

  const simple = await plainMember(t, edge, "a");
  simple.send({ message: " ", user: "plain" });
  t.match(await simple.next("error"), { code: "empty_text" });
  simple.send({ message: "first", user: "plain" });
  await eventually(() => simple.frames.some((frame) => frame.user === "plain"));

  const http = new HttpClient(edge);
  const post = async (message: string) => (await http.post("a", { message, user: "program" })).status;
  t.equal(await post(tooLong), 413);
  t.equal(await post("first"), 201);
});

t.test("messages with a blocked word are refused", async (t) => {
  const dir = t.testdir();
  const file = join(dir, "words");
  writeFileSync(file, "# a comment\nDarn\r\n\n바보\na+b (c)\n");
  const { allows } = wordFilter(file);
  const passes = (text: string) => allows(text, "a", { user: "u" });
  for (const text of [
    "DARN it",
    "ｄａｒｎ",
    "이 바보야",
    "바보".normalize("NFD"),
    "so a+b (c) is",
    `a${"\u0f81\u0f73".repeat(1000)} darn`,
  ]) {
    t.notOk(passes(text), text);
  }
  for (const text of ["darning", "# a comment", "바 보", "ab c", ""]) t.ok(passes(text), text);
  writeFileSync(file, "#none\n");
  t.ok(wordFilter(file).allows("", "a", { user: "u" }));
  t.throws(() => wordFilter(join(dir, "none")), { name: "ConfigError" });

  writeFileSync(file, "darn\n");
  const edge = await edgeFor(t, await natsFor(t), { BLOCKED_WORDS_FILE: file });
  const client = await full(t, edge, "u", ["a"]);
  await client.next("caughtUp");
  t.match(await refused(client, "a", "oh darn"), { code: "not_allowed", field: "message" });
  await client.say("a", "oh dear");
});
