import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LOG_SETTINGS, openControl, openLogAdmin } from "@madang/broker";
import type { MemberRule, RoomRule } from "@madang/protocol";
import { SignJWT } from "jose";
import t, { type Test } from "tap";
import { wordFilter } from "../src/access/word-filter.ts";
import { edgeFor, type Frame, full, type Nats, natsFor, plain, said, until, WireClient } from "./support.ts";

const SECRET = "a secret of more than thirty-two bytes";
const JWT = { AUTH: "jwt", JWT_SECRET: SECRET };
const SOON_MS = 1000;

const tokenOf = (sub: string, can: string[] = ["read", "write"]) =>
  new SignJWT({ name: sub, rooms: [{ pattern: "*", can }] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(sub)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(SECRET));

async function moderator(t: Test, nats: Nats) {
  const logAdmin = openLogAdmin({ url: nats.url, name: "log admin" }, DEFAULT_LOG_SETTINGS, () => {});
  t.teardown(() => logAdmin.close());
  await logAdmin.ready;
  return {
    logAdmin,
    room: (room: string, change: Partial<RoomRule>) =>
      logAdmin.change<RoomRule>({ kind: "room", room, status: 0, slowModeS: 0 }, (rule) => ({ ...rule, ...change })),
    member: (who: Pick<MemberRule, "room" | "user" | "userId">, change: Partial<MemberRule>) =>
      logAdmin.change<MemberRule>({ kind: "member", ...who }, (rule) => ({ ...rule, ...change })),
  };
}

async function moderatedEdge(t: Test, nats: Nats, env: NodeJS.ProcessEnv = {}) {
  const control = openControl({ url: nats.url, name: "control" });
  await control.ready;
  t.teardown(() => control.close());
  return edgeFor(t, nats, env, undefined, control);
}

async function refused(client: WireClient, room: string, text: string): Promise<Frame> {
  client.send({ type: "message", room, message: text, nonce: text });
  return client.next("error", (frame) => frame.nonce === text);
}

/** Until the edge has heard of the new rule. */
async function eventuallyRefused(client: WireClient, room: string, code: string): Promise<Frame> {
  for (let i = 0; ; i++) {
    const text = `${code} ${i}`;
    client.send({ type: "message", room, message: text, nonce: text });
    await until(() => client.frames.some((frame) => frame.nonce === text));
    const error = client.of("error").find((frame) => frame.nonce === text);
    if (error?.code === code) return error;
  }
}

async function eventuallySaid(client: WireClient, room: string, text: string): Promise<void> {
  await until(() => {
    client.send({ type: "message", room, message: text, nonce: text });
    return client.of("ack").some(({ nonce }) => nonce === text);
  });
}

async function withToken(t: Test, edge: { port: number }, sub: string, join: object[], can?: string[]) {
  const client = await full(t, edge);
  client.send({ type: "hello", token: await tokenOf(sub, can), join });
  return client;
}

const sanction = (ms?: number) => ({
  reason: "spam",
  at: new Date().toISOString(),
  ...(ms === undefined ? {} : { until: new Date(Date.now() + ms).toISOString() }),
});

t.test("F7: a banned user is closed on every edge within a second, and stays out until the ban ends", async (t) => {
  const nats = await natsFor(t);
  const { member } = await moderator(t, nats);
  const edges = [await moderatedEdge(t, nats, JWT), await moderatedEdge(t, nats, JWT)] as const;
  const bad = [
    await withToken(t, edges[0], "mallory", [{ room: "a" }]),
    await withToken(t, edges[1], "mallory", [{ room: "b" }]),
  ];
  const good = await withToken(t, edges[1], "alice", [{ room: "b" }]);
  for (const client of [...bad, good]) await client.next("caughtUp");
  const bannedAt = performance.now();
  await member({ user: "mallory", userId: "mallory" }, { ban: sanction() });
  for (const client of bad) t.equal((await client.closing(SOON_MS)).code, 3503);
  t.comment(`closed after ${Math.round(performance.now() - bannedAt)} ms`);
  await said(good, "b", "still here");
  const again = await withToken(t, edges[0], "mallory", []);
  t.match(await again.next("error"), { code: "not_allowed" });
  t.equal((await again.closing()).code, 3503);
  const late = await moderatedEdge(t, nats, JWT);
  const elsewhere = await withToken(t, late, "mallory", []);
  t.equal((await elsewhere.closing()).code, 3503, "an edge that starts later knows of it");
  const post = await fetch(`http://127.0.0.1:${late.port}/v1/rooms/b/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${await tokenOf("mallory")}`, "content-type": "application/json" },
    body: JSON.stringify({ message: "by HTTP" }),
  });
  t.equal(post.status, 403);
  await member({ user: "mallory", userId: "mallory" }, { ban: sanction(300) });
  await until(async () => {
    const client = await withToken(t, late, "mallory", []);
    await until(() => client.closed !== undefined || client.of("welcome").length > 0);
    return client.closed === undefined;
  });
  t.pass("and comes in again when the ban has ended");
});

t.test("without tokens a ban is of a name: full and plain", async (t) => {
  const nats = await natsFor(t);
  const { member } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats);
  const client = await full(t, edge, "민수", [{ room: "a" }]);
  const talker = await plain(t, edge, "a");
  talker.send({ user: "민수", message: "hi" });
  await talker.next("message");
  const other = await plain(t, edge, "a");
  await member({ user: "민수" }, { ban: sanction() });
  t.equal((await client.closing(SOON_MS)).code, 3503);
  t.equal((await talker.closing(SOON_MS)).code, 3503);
  other.send({ user: "영희", message: "hello" });
  await other.next("message", (frame) => frame.user === "영희");
  other.send({ user: "민수", message: "it is me again" });
  t.match(await other.next("error"), { code: "not_allowed" });
  t.equal((await other.closing()).code, 3503);
});

t.test("a plain client at a room that is closed, or from which it is banned, is told so and closed", async (t) => {
  const nats = await natsFor(t);
  const { room, member } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats, JWT);
  await room("shut", { status: 2 });
  await member({ room: "without me", userId: "minsu", user: "minsu" }, { ban: sanction() });
  const headers = { authorization: `Bearer ${await tokenOf("minsu")}` };
  for (const [name, code] of [
    ["shut", "room_closed"],
    ["without me", "not_allowed"],
  ] as const) {
    await until(async () => {
      const client = new WireClient(`ws://127.0.0.1:${edge.port}/ws/chat/${encodeURIComponent(name)}/`, [], headers);
      t.teardown(() => client.ws.terminate());
      await until(() => client.ws.readyState === 1 || client.closed !== undefined);
      // Before the edge has heard of the rule it lets in, and puts out when it hears.
      return (await client.closing()).code === 3507 && client.of("error")[0].code === code;
    });
  }
  t.pass();
});

t.test("a ban from one room puts out of that room only", async (t) => {
  const nats = await natsFor(t);
  const { member } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats);
  const client = await full(t, edge, "민수", [{ room: "수다방" }, { room: "b" }]);
  await client.next("caughtUp", (frame) => frame.room === "b");
  await member({ room: "수다방", user: "민수" }, { ban: sanction() });
  await client.next("left", (frame) => frame.room === "수다방", SOON_MS);
  t.match(await client.next("error"), { code: "not_allowed", room: "수다방" });
  await said(client, "b", "here I may");
  client.send({ type: "join", room: "수다방" });
  await until(() => client.of("error").length === 2);
  await member({ room: "수다방", user: "민수" }, { ban: { reason: "", at: "", until: "2020-01-01T00:00:00Z" } });
  await until(async () => {
    client.send({ type: "join", room: "수다방" });
    return client.of("joined").filter((frame) => frame.room === "수다방").length >= 2;
  });
});

t.test("mutes, read-only and closed rooms, slow mode: at every send, by every way in", async (t) => {
  const nats = await natsFor(t);
  const { member, room } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats, JWT);
  const join = [{ room: "a" }, { room: "b" }];
  const user = await withToken(t, edge, "bob", join);
  const boss = await withToken(t, edge, "boss", join, ["read", "write", "moderate"]);
  for (const client of [user, boss]) await client.next("caughtUp", (frame) => frame.room === "b");

  await member({ room: "a", user: "bob", userId: "bob" }, { mute: sanction(60_000) });
  const muted = await eventuallyRefused(user, "a", "muted");
  t.ok(muted.retryAfter > 50 && muted.retryAfter <= 60, "and says for how long");
  await said(user, "b", "elsewhere");
  await member({ user: "bob", userId: "bob" }, { mute: sanction() });
  await eventuallyRefused(user, "b", "muted");
  await member({ user: "bob", userId: "bob" }, { mute: undefined as never });
  await member({ room: "a", user: "bob", userId: "bob" }, { mute: undefined as never });
  await eventuallySaid(user, "a", "x");

  await room("a", { status: 1 });
  await eventuallyRefused(user, "a", "room_read_only");
  await said(boss, "a", "moderators may");
  await user.next("message", (frame) => frame.message === "moderators may");
  const post = async (token: string) =>
    fetch(`http://127.0.0.1:${edge.port}/v1/rooms/a/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ message: "by HTTP" }),
    });
  t.match(await (await post(await tokenOf("bob"))).json(), { code: "room_read_only", status: 403 });

  await room("a", { status: 0, slowModeS: 2 });
  await eventuallySaid(user, "a", "s1");
  const slow = await eventuallyRefused(user, "a", "rate_limited");
  t.ok(slow.temporary);
  t.ok(slow.retryAfter > 0 && slow.retryAfter <= 2);
  await said(user, "b", "no slow mode here");
  for (let i = 0; i < 3; i++) await said(boss, "a", `boss ${i}`);
  await eventuallySaid(user, "a", "s2");

  await room("a", { status: 2, slowModeS: 0 });
  await user.next("left", (frame) => frame.room === "a", SOON_MS);
  t.match(await user.next("error", (frame) => frame.room === "a" && frame.nonce === undefined), {
    code: "room_closed",
  });
  user.send({ type: "join", room: "a" });
  await until(() => user.of("error").filter((frame) => frame.code === "room_closed" && !frame.nonce).length === 2);
  await said(boss, "a", "the last one out");
});

t.test("a message that is refused for its text costs no turn in slow mode, by any way in", async (t) => {
  const nats = await natsFor(t);
  const { room } = await moderator(t, nats);
  const edge = await moderatedEdge(t, nats);
  await room("a", { slowModeS: 3600 });
  const probe = await full(t, edge, "probe", [{ room: "a" }]);
  await probe.next("caughtUp");
  await eventuallyRefused(probe, "a", "rate_limited");
  const tooLong = "x".repeat(4001);

  const user = await full(t, edge, "full", [{ room: "a" }]);
  await user.next("caughtUp");
  t.match(await refused(user, "a", " "), { code: "empty_text" });
  user.send({ type: "message", room: "a", message: tooLong, nonce: "long" });
  t.match(await user.next("error", (frame) => frame.nonce === "long"), { code: "text_too_long" });
  await said(user, "a", "first");

  const simple = await plain(t, edge, "a");
  simple.send({ message: " ", user: "plain" });
  t.match(await simple.next("error"), { code: "empty_text" });
  simple.send({ message: "first", user: "plain" });
  await until(() => simple.frames.some((frame) => frame.user === "plain"));

  const post = (message: string) =>
    fetch(`http://127.0.0.1:${edge.port}/v1/rooms/a/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message, user: "program" }),
    });
  t.equal((await post(tooLong)).status, 413);
  t.equal((await post("first")).status, 201);
});

t.test("words that no message may have", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "madang-words-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
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
  const client = await full(t, edge, "u", [{ room: "a" }]);
  await client.next("caughtUp");
  t.match(await refused(client, "a", "oh darn"), { code: "not_allowed", field: "message" });
  await said(client, "a", "oh dear");
});
