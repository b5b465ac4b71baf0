/** Limits that hold over all edges: what they say to each other, and two real edges over a real nats-server. */
import { join } from "node:path";
import type { Gossip } from "@madang/broker";
import { DEFAULT_LOG_SETTINGS, openControl, openLogAdmin } from "@madang/broker";
import { startProcess } from "@madang/local-stack";
import type { RoomRule } from "@madang/protocol";
import t, { type Test } from "tap";
import { SharedUsage } from "../src/access/shared-usage.ts";
import { PEER_SILENCE_MS, type UsageReport as Word } from "../src/access/usage-peers.ts";
import { bearer, JWT_ENV, knock, token } from "./auth-support.ts";
import { edgeFor, type Nats, natsFor, type TestEdge, until, type WireClient } from "./support.ts";

const ROOMS = [{ name: "r", can: ["read", "write"] as const }];

/** A subject on which the test can lose words and listen in. */
class Air {
  readonly words: Word[] = [];
  lost: (word: string) => boolean = () => false;
  readonly #listeners: ((word: string) => void)[] = [];

  gossip(): Gossip {
    return {
      publish: (word) => {
        this.words.push(JSON.parse(word));
        if (!this.lost(word)) for (const listener of this.#listeners) listener(word);
      },
      onMessage: (listener) => this.#listeners.push(listener),
    };
  }

  say(word: unknown): void {
    for (const listener of this.#listeners) listener(typeof word === "string" ? word : JSON.stringify(word));
  }
}

function usageOn(t: Test, air: Air): SharedUsage {
  const usage = new SharedUsage(air.gossip());
  t.teardown(() => usage.close());
  return usage;
}

t.test("what an edge lets through is taken out of every edge's bucket; what was too much is owed", async (t) => {
  const air = new Air();
  const [a, b] = [usageOn(t, air), usageOn(t, air)];
  const rate = { count: 10, windowMs: 3_600_000 };
  const takenFrom = (edge: SharedUsage, name: string) => {
    let taken = 0;
    while (edge.take(name, rate) === 0) taken++;
    return taken;
  };
  for (let i = 0; i < 8; i++) t.equal(a.take("u", rate), 0);
  await until(() => air.words.some(({ spent }) => spent !== undefined));
  t.equal(takenFrom(b, "u"), 2, "ten in all");
  await until(() => a.take("u", rate) > 0);
  t.equal(a.take("other", rate), 0);

  // Before word has come round each lets its whole bucket through, which both owe afterwards.
  for (const edge of [a, b]) t.equal(takenFrom(edge, "v"), 10);
  for (const edge of [a, b]) await until(() => edge.take("v", rate) > rate.windowMs);
  t.pass("nothing comes back before the debt is paid");
});

t.test("an edge says something when something changed, and then at most five times a second", async (t) => {
  const air = new Air();
  const [a] = [usageOn(t, air), usageOn(t, air)];
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.ok(air.words.length <= 4, "an edge that counts nothing greets, and is greeted, once");
  const startedAt = performance.now();
  const before = air.words.length;
  for (let i = 0; performance.now() - startedAt < 1000; i++) {
    a.take(`u${i % 100}`, { count: 1_000_000, windowMs: 1000 });
    if (i % 100 === 0) await new Promise(setImmediate);
  }
  const said = air.words.length - before;
  t.ok(said >= 3 && said <= 9, `${said} words in a second`);
});

t.test("connections: told, healed after lost words, and gone with an edge that is silent", async (t) => {
  const air = new Air();
  const [a, b] = [usageOn(t, air), usageOn(t, air)];
  a.setOpen("u", 3);
  await until(() => b.openElsewhere("u") === 3);
  await until(() => air.words.some(({ whole, seq }) => whole && seq > 1));
  air.lost = () => true;
  a.setOpen("u", 5);
  a.setOpen("v", 1);
  const lostFrom = air.words.length;
  await until(() => air.words.length > lostFrom);
  air.lost = () => false;
  await until(() => b.openElsewhere("u") === 5 && b.openElsewhere("v") === 1);
  t.ok(
    air.words.slice(lostFrom).some(({ whole }) => whole),
    "the next word showed the gap, and b asked",
  );

  const late = usageOn(t, air);
  await until(() => late.openElsewhere("u") === 5);
  a.setOpen("u", 0);
  await until(() => b.openElsewhere("u") === 0 && late.openElsewhere("u") === 0);
  a.setOpen("u", 2);
  await until(() => b.openElsewhere("u") === 2);
  a.close();
  t.equal(b.openElsewhere("u"), 0, "an edge that goes away says so");

  const dead = usageOn(t, air);
  dead.setOpen("u", 7);
  await until(() => b.openElsewhere("u") === 7);
  const diedAt = performance.now();
  air.lost = () => true;
  await until(() => b.openElsewhere("u") === 0);
  t.ok(performance.now() - diedAt > PEER_SILENCE_MS - 1100, "not before it was silent for long");
});

t.test("an edge that comes later knows what was used up before", async (t) => {
  const air = new Air();
  const rate = { count: 3, windowMs: 3_600_000 };
  const a = usageOn(t, air);
  for (let i = 0; i < 3; i++) a.take("u", rate);
  await until(() => air.words.length >= 2);
  const late = usageOn(t, air);
  await until(() => air.words.some(({ whole, seq }) => whole && seq > 1));
  t.ok(late.take("u", rate) > 0);
});

t.test("what is no word changes nothing", async (t) => {
  const air = new Air();
  const usage = usageOn(t, air);
  for (const word of [
    "",
    "{",
    "null",
    "[]",
    { edge: "x" },
    { edge: "x", seq: 0 },
    { edge: "x", seq: 1, spent: [["k", -1]] },
    '{"edge":"x","seq":1,"spent":[["k",1e999]]}',
    { edge: "x", seq: 1, open: [["k", 1.5]] },
    { edge: "x", seq: 1, ask: "x" },
  ]) {
    air.say(word);
  }
  t.equal(usage.take("u", { count: 1, windowMs: 1000 }), 0);
});

async function gossipingEdge(t: Test, nats: Nats, env: NodeJS.ProcessEnv): Promise<TestEdge> {
  const control = openControl({ url: nats.url, name: "control" });
  await control.ready;
  t.teardown(() => control.close());
  return edgeFor(t, nats, { ...JWT_ENV, ...env }, undefined, control);
}

async function come(t: Test, port: number, sub = "u1"): Promise<WireClient> {
  const client = await knock(t, port, "/ws", { full: true });
  client.send({ type: "hello", token: await token({ sub, rooms: ROOMS }), join: [{ room: "r" }] });
  await until(() => client.closed !== undefined || client.of("joined").length > 0);
  return client;
}

/** Comes again and again until it is refused, and leaves again each time. */
async function refusedAt(t: Test, port: number, limitMs?: number): Promise<void> {
  await until(async () => {
    const client = await come(t, port);
    if (client.closed) return client.closed.code === 3504;
    client.ws.close();
    await client.closing();
    return false;
  }, limitMs);
}

async function speak(client: WireClient, nonce: string): Promise<"ack" | "error"> {
  client.send({ type: "message", room: "r", message: "x", nonce });
  let answer: { type: "ack" | "error" } | undefined;
  await until(() => {
    answer = client.frames.find((frame) => frame.nonce === nonce && frame.type !== "message");
    return answer !== undefined;
  });
  return answer!.type;
}

const post = async (edge: { port: number }, sub: string) =>
  fetch(`http://127.0.0.1:${edge.port}/v1/rooms/r/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(await token({ sub, rooms: ROOMS })) },
    body: '{"message":"x"}',
  });

t.test("two edges", async (t) => {
  const nats = await natsFor(t);
  const env = { SEND_LIMIT_USER: "6/60s", CONNECTIONS_PER_USER: "3" };
  const edges = [await gossipingEdge(t, nats, env), await gossipingEdge(t, nats, env)] as const;
  const control = openControl({ url: nats.url, name: "listener" });
  await control.ready;
  t.teardown(() => control.close());
  let spentMs = 0;
  control.gossip.onMessage((word) => {
    for (const [, ms] of (JSON.parse(word) as Word).spent ?? []) spentMs += ms;
  });
  /** Until word of so much has come round. */
  const told = async (ms: number) => {
    await until(() => spentMs >= ms);
    for (const edge of edges) t.equal((await post(edge, `probe ${ms}`)).status, 201);
    spentMs = 0;
  };

  await t.test("F7 connections of a user are counted over both", async (t) => {
    const first = await come(t, edges[0].port);
    for (const edge of edges) await come(t, edge.port);
    await refusedAt(t, edges[0].port, 20_000);
    await refusedAt(t, edges[1].port, 20_000);
    t.equal((await come(t, edges[1].port, "u2")).closed, undefined, "somebody else comes in");
    first.ws.close();
    await until(async () => (await come(t, edges[1].port)).closed === undefined, 20_000);
  });

  await t.test("messages of a user are counted over both, by socket and by HTTP", async (t) => {
    const [a, b] = [await come(t, edges[0].port, "u3"), await come(t, edges[1].port, "u3")];
    for (let i = 0; i < 4; i++) t.equal(await speak(a, `a${i}`), "ack");
    await told(4 * 10_000);
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await speak(b, `b${i}`));
    t.same(answers, ["ack", "ack", "error"], "what the one let through, the other did not");
    await until(async () => (await post(edges[0], "u3")).status === 429);
    t.equal((await post(edges[1], "u3")).status, 429);
    t.equal((await post(edges[1], "u4")).status, 201);
  });

  await t.test("slow mode: one turn, not one on each", async (t) => {
    const logAdmin = openLogAdmin({ url: nats.url, name: "log admin" }, DEFAULT_LOG_SETTINGS, () => {});
    t.teardown(() => logAdmin.close());
    await logAdmin.ready;
    await logAdmin.change<RoomRule>({ kind: "room", room: "r", status: 0, slowModeS: 0 }, (rule) => ({
      ...rule,
      slowModeS: 3600,
    }));
    const clients = [await come(t, edges[0].port, "u5"), await come(t, edges[1].port, "u5")] as const;
    // Until the first edge has heard of the rule.
    let said = 0;
    await until(async () => (await speak(clients[0], `slow ${said++}`)) === "error");
    t.match(clients[0].of("error")[0].message, "slow mode");
    await told(3_600_000);
    t.equal(await speak(clients[1], "the other"), "error");
    const { retryAfter, message } = clients[1].of("error")[0];
    t.match(message, "slow mode");
    t.ok(retryAfter > 3590);
  });
});

// What follows waits most of its time, each on servers of its own.
t.jobs = 3;

t.test("F7 a user whose edge has died is not kept out by connections that are dead", async (t) => {
  const nats = await natsFor(t);
  const env = { ...JWT_ENV, CONNECTIONS_PER_USER: "2", NATS_URL: nats.url, PERSISTENCE_URL: "http://127.0.0.1:9" };
  const entry = join(import.meta.dirname, "../src/main.ts");
  const mortal = await startProcess({ name: "edge", entry, env });
  t.teardown(() => mortal.stop());
  const edge = await gossipingEdge(t, nats, env);
  for (let i = 0; i < 2; i++) await come(t, mortal.port);
  await refusedAt(t, edge.port, 20_000);
  await mortal.kill("SIGKILL");
  const back = [await come(t, edge.port), await come(t, edge.port)];
  t.same(
    back.map(({ closed }) => closed),
    [undefined, undefined],
  );

  const third = await knock(t, edge.port, "/ws", { full: true });
  third.send({ type: "hello", token: await token({ rooms: ROOMS }) });
  t.equal((await third.closing()).code, 3504, "and no more than that");
});

t.test("F7 a client that leaves while it waits for an answer is not counted", async (t) => {
  const nats = await natsFor(t);
  const env = { CONNECTIONS_PER_USER: "1" };
  const edges = [await gossipingEdge(t, nats, env), await gossipingEdge(t, nats, env)] as const;
  const first = await come(t, edges[0].port);
  await refusedAt(t, edges[1].port, 20_000);
  const { guard } = edges[1].services;
  const { size } = edges[1].sessions;
  const waiting = await knock(t, edges[1].port, "/ws", { full: true });
  waiting.send({ type: "hello", token: await token({ rooms: ROOMS }) });
  await until(() => edges[1].sessions.size > size);
  waiting.ws.close();
  await waiting.closing();
  first.ws.close();
  await until(async () => (await come(t, edges[1].port)).closed === undefined, 20_000);
  await new Promise((resolve) => setTimeout(resolve, PEER_SILENCE_MS + 200));
  t.equal(guard.sessionsOf("u1").size, 1);
});

t.test("a word stays far below what NATS takes, however many users there are to tell of", async (t) => {
  const air = new Air();
  const usage = usageOn(t, air);
  for (let i = 0; i < 12_000; i++) usage.setOpen(`u${i}`, 1);
  await until(() => air.words.flatMap(({ open = [] }) => open).length === 12_000);
  t.ok(Math.max(...air.words.map((word) => JSON.stringify(word).length)) < 256 * 1024);
});
