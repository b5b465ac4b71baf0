/** Limits that hold over all edges: the reports that edges exchange, and two real edges on a real nats-server. */

import type { Gossip } from "@madang/broker";
import type { RoomRule } from "@madang/protocol";
import {
  bearer,
  controlFor,
  eventually,
  full,
  HttpClient,
  JWT_ENV,
  logAdminFor,
  natsFor,
  type Server,
  startSystem,
  token,
  type WireClient,
} from "@madang/test-kit";
import t, { type Test } from "tap";
import { SharedUsage } from "../src/access/shared-usage.ts";
import { PEER_SILENCE_MS, type UsageReport } from "../src/access/usage-peers.ts";
import { edgeFor, type TestEdge } from "./support.ts";

const ROOMS = [{ name: "r", can: ["read", "write"] as const }];

/** The subject of the reports, on which the test can lose reports and listen. */
class Subject {
  readonly reports: UsageReport[] = [];
  lost: (report: string) => boolean = () => false;
  readonly #listeners: ((report: string) => void)[] = [];

  gossip(): Gossip {
    return {
      publish: (report) => {
        this.reports.push(JSON.parse(report));
        if (!this.lost(report)) for (const listener of this.#listeners) listener(report);
      },
      onMessage: (listener) => this.#listeners.push(listener),
    };
  }

  say(report: unknown): void {
    for (const listener of this.#listeners) listener(typeof report === "string" ? report : JSON.stringify(report));
  }
}

function usageOn(t: Test, subject: Subject): SharedUsage {
  const usage = new SharedUsage(subject.gossip());
  t.teardown(() => usage.close());
  return usage;
}

t.test("a use on one edge counts on every edge, and a use over the limit delays the next", async (t) => {
  const subject = new Subject();
  const [a, b] = [usageOn(t, subject), usageOn(t, subject)];
  const rate = { count: 10, windowMs: 3_600_000 };
  const takenFrom = (edge: SharedUsage, name: string) => {
    let taken = 0;
    while (edge.take(name, rate) === 0) taken++;
    return taken;
  };
  for (let i = 0; i < 8; i++) t.equal(a.take("u", rate), 0);
  await eventually(() => subject.reports.some(({ spent }) => spent !== undefined));
  t.equal(takenFrom(b, "u"), 2, "ten in all");
  await eventually(() => a.take("u", rate) > 0);
  t.equal(a.take("other", rate), 0);

  // Before their reports arrive, each edge lets its whole allowance through. Both are then over the limit.
  for (const edge of [a, b]) t.equal(takenFrom(edge, "v"), 10);
  for (const edge of [a, b]) await eventually(() => edge.take("v", rate) > rate.windowMs);
  t.pass("the next use waits until the excess has expired");
});

t.test("an edge reports changes only, and at most five times a second", async (t) => {
  const subject = new Subject();
  const [a] = [usageOn(t, subject), usageOn(t, subject)];
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.ok(subject.reports.length <= 4, "an idle edge sends and receives one greeting");
  const startedAt = performance.now();
  const before = subject.reports.length;
  for (let i = 0; performance.now() - startedAt < 1000; i++) {
    a.take(`u${i % 100}`, { count: 1_000_000, windowMs: 1000 });
    if (i % 100 === 0) await new Promise(setImmediate);
  }
  const said = subject.reports.length - before;
  t.ok(said >= 3 && said <= 9, `${said} reports in a second`);
});

t.test("edges agree on open connections after lost reports, and forget those of a silent edge", async (t) => {
  const subject = new Subject();
  const [a, b] = [usageOn(t, subject), usageOn(t, subject)];
  a.setOpen("u", 3);
  await eventually(() => b.openElsewhere("u") === 3);
  await eventually(() => subject.reports.some(({ whole, seq }) => whole && seq > 1));
  subject.lost = () => true;
  a.setOpen("u", 5);
  a.setOpen("v", 1);
  const lostFrom = subject.reports.length;
  await eventually(() => subject.reports.length > lostFrom);
  subject.lost = () => false;
  await eventually(() => b.openElsewhere("u") === 5 && b.openElsewhere("v") === 1);
  t.ok(
    subject.reports.slice(lostFrom).some(({ whole }) => whole),
    "the next report showed the gap, and b asked for the whole state",
  );

  const late = usageOn(t, subject);
  await eventually(() => late.openElsewhere("u") === 5);
  a.setOpen("u", 0);
  await eventually(() => b.openElsewhere("u") === 0 && late.openElsewhere("u") === 0);
  a.setOpen("u", 2);
  await eventually(() => b.openElsewhere("u") === 2);
  a.close();
  t.equal(b.openElsewhere("u"), 0, "a closing edge reports that it leaves");

  const dead = usageOn(t, subject);
  dead.setOpen("u", 7);
  await eventually(() => b.openElsewhere("u") === 7);
  const diedAt = performance.now();
  subject.lost = () => true;
  await eventually(() => b.openElsewhere("u") === 0);
  t.ok(performance.now() - diedAt > PEER_SILENCE_MS - 1100, "not before the edge was silent for long");
});

t.test("an edge that starts later learns the earlier use", async (t) => {
  const subject = new Subject();
  const rate = { count: 3, windowMs: 3_600_000 };
  const a = usageOn(t, subject);
  for (let i = 0; i < 3; i++) a.take("u", rate);
  await eventually(() => subject.reports.length >= 2);
  const late = usageOn(t, subject);
  await eventually(() => subject.reports.some(({ whole, seq }) => whole && seq > 1));
  t.ok(late.take("u", rate) > 0);
});

t.test("invalid reports have no effect", async (t) => {
  const subject = new Subject();
  const usage = usageOn(t, subject);
  for (const report of [
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
    subject.say(report);
  }
  t.equal(usage.take("u", { count: 1, windowMs: 1000 }), 0);
});

async function gossipingEdge(t: Test, nats: { url: string }, env: NodeJS.ProcessEnv): Promise<TestEdge> {
  return edgeFor(t, nats, { ...JWT_ENV, ...env }, await controlFor(t, nats));
}

/** A connection of a user; it is closed, or has joined the room. */
async function come(t: Test, edge: Server, sub = "u1"): Promise<WireClient> {
  const client = await full(t, edge, { token: await token({ sub, rooms: ROOMS }) }, ["r"]);
  await eventually(() => client.closed !== undefined || client.of("joined").length > 0);
  return client;
}

/** Connects and disconnects until a connection is refused. */
async function refusedAt(t: Test, edge: Server): Promise<void> {
  await eventually(
    async () => {
      const client = await come(t, edge);
      if (client.closed) return client.closed.code === 3504;
      client.ws.close();
      await client.closing();
      return false;
    },
    { limitMs: 20_000 },
  );
}

async function speak(client: WireClient, nonce: string): Promise<"ack" | "error"> {
  client.post("r", "x", nonce);
  return (await eventually(() => client.frames.find((frame) => frame.nonce === nonce && frame.type !== "message")))
    .type;
}

const post = async (edge: Server, sub: string) =>
  new HttpClient(edge, bearer(await token({ sub, rooms: ROOMS }))).post("r", "x");

t.test("two edges", async (t) => {
  const nats = await natsFor(t);
  const env = { SEND_LIMIT_USER: "6/60s", CONNECTIONS_PER_USER: "3" };
  const edges = [await gossipingEdge(t, nats, env), await gossipingEdge(t, nats, env)] as const;
  const control = await controlFor(t, nats);
  let spentMs = 0;
  control.gossip.onMessage((report) => {
    for (const [, ms] of (JSON.parse(report) as UsageReport).spent ?? []) spentMs += ms;
  });
  /** Waits until the edges have exchanged reports of this much use. */
  const reported = async (ms: number) => {
    await eventually(() => spentMs >= ms);
    for (const edge of edges) t.equal((await post(edge, `probe ${ms}`)).status, 201);
    spentMs = 0;
  };

  await t.test("F7 the connections of a user are counted over both edges", async (t) => {
    const first = await come(t, edges[0]);
    for (const edge of edges) await come(t, edge);
    await refusedAt(t, edges[0]);
    await refusedAt(t, edges[1]);
    t.equal((await come(t, edges[1], "u2")).closed, undefined, "another user connects");
    first.ws.close();
    await eventually(async () => (await come(t, edges[1])).closed === undefined, { limitMs: 20_000 });
  });

  await t.test("the messages of a user are counted over both edges, by socket and by HTTP", async (t) => {
    const [a, b] = [await come(t, edges[0], "u3"), await come(t, edges[1], "u3")];
    for (let i = 0; i < 4; i++) t.equal(await speak(a, `a${i}`), "ack");
    await reported(4 * 10_000);
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await speak(b, `b${i}`));
    t.same(answers, ["ack", "ack", "error"], "the use on one edge counts on the other");
    await eventually(async () => (await post(edges[0], "u3")).status === 429);
    t.equal((await post(edges[1], "u3")).status, 429);
    t.equal((await post(edges[1], "u4")).status, 201);
  });

  await t.test("slow mode allows one message over both edges", async (t) => {
    const logAdmin = await logAdminFor(t, nats);
    await logAdmin.change<RoomRule>({ kind: "room", room: "r", status: 0, slowModeS: 0 }, (rule) => ({
      ...rule,
      slowModeS: 3600,
    }));
    const clients = [await come(t, edges[0], "u5"), await come(t, edges[1], "u5")] as const;
    // Until the first edge knows the rule.
    let said = 0;
    await eventually(async () => (await speak(clients[0], `slow ${said++}`)) === "error");
    t.match(clients[0].of("error")[0].message, "slow mode");
    await reported(3_600_000);
    t.equal(await speak(clients[1], "the other"), "error");
    const { retryAfter, message } = clients[1].of("error")[0];
    t.match(message, "slow mode");
    t.ok(retryAfter > 3590);
  });
});

// The following tests mostly wait, each on its own servers.
t.jobs = 3;

t.test("F7 connections of a killed edge do not keep their user out", async (t) => {
  const env = { CONNECTIONS_PER_USER: "2" };
  const { nats, edge: mortal } = await startSystem(t, { persistences: 0, auth: "jwt", env });
  const edge = await gossipingEdge(t, nats, env);
  for (let i = 0; i < 2; i++) await come(t, mortal);
  await refusedAt(t, edge);
  await mortal.kill("SIGKILL");
  const back = [await come(t, edge), await come(t, edge)];
  t.same(
    back.map(({ closed }) => closed),
    [undefined, undefined],
  );

  const third = await full(t, edge, { token: await token({ rooms: ROOMS }) });
  t.equal((await third.closing()).code, 3504, "but no third connection");
});

t.test("F7 a client that leaves before it is admitted is not counted", async (t) => {
  const nats = await natsFor(t);
  const env = { CONNECTIONS_PER_USER: "1" };
  const edges = [await gossipingEdge(t, nats, env), await gossipingEdge(t, nats, env)] as const;
  const first = await come(t, edges[0]);
  await refusedAt(t, edges[1]);
  const { guard } = edges[1].services;
  const { size } = edges[1].sessions;
  const waiting = await full(t, edges[1]);
  waiting.send({ type: "hello", token: await token({ rooms: ROOMS }) });
  await eventually(() => edges[1].sessions.size > size);
  waiting.ws.close();
  await waiting.closing();
  first.ws.close();
  await eventually(async () => (await come(t, edges[1])).closed === undefined, { limitMs: 20_000 });
  await new Promise((resolve) => setTimeout(resolve, PEER_SILENCE_MS + 200));
  t.equal(guard.sessionsOf("u1").size, 1);
});

t.test("a report stays far below the limit of NATS, whatever the number of users", async (t) => {
  const subject = new Subject();
  const usage = usageOn(t, subject);
  for (let i = 0; i < 12_000; i++) usage.setOpen(`u${i}`, 1);
  await eventually(() => subject.reports.flatMap(({ open = [] }) => open).length === 12_000);
  t.ok(Math.max(...subject.reports.map((report) => JSON.stringify(report).length)) < 256 * 1024);
});
