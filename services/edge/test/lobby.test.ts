import { once } from "node:events";
import { join } from "node:path";
import { type Child, freePort, startNats, startProcess } from "@madang/local-stack";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Test } from "tap";
import t from "tap";
import { WebSocket } from "ws";
import { full, said, until } from "./support.ts";

async function edgeThatWaits(t: Test, natsPort: number): Promise<Child> {
  const edge = await startProcess({
    name: "edge",
    entry: join(import.meta.dirname, "../src/main.ts"),
    env: {
      NATS_URL: `nats://somebody:hunter2@127.0.0.1:${natsPort}`,
      PERSISTENCE_URL: "http://127.0.0.1:9",
      DRAIN_MS: "0",
    },
    readyPath: "/livez",
  });
  t.teardown(() => edge.stop());
  return edge;
}

// What follows waits most of its time, each on servers of its own.
t.jobs = 3;

t.test("an edge without NATS lives, is not ready, says why, and serves when NATS has come", async (t) => {
  const natsPort = await freePort();
  const edge = await edgeThatWaits(t, natsPort);
  const readiness = await fetch(`${edge.url}/readyz`);
  t.equal(readiness.status, 503);
  t.match(await readiness.json(), { status: "not ready", missing: { log: String } });
  await until(async () => /refused/.test((await (await fetch(`${edge.url}/readyz`)).json()).missing.log));
  for (const path of ["/", "/chat/hall/ana", "/v1/rooms", "/%", "/metrics"]) {
    const answer = await fetch(edge.url + path);
    t.equal(answer.status, 503, path);
    t.equal(answer.headers.get("retry-after"), "1");
    t.match(await answer.json(), { code: "log_unavailable" });
  }
  const [, refusal] = await once(new WebSocket(`ws://127.0.0.1:${edge.port}/ws/chat/hall/`), "unexpected-response");
  t.equal(refusal.statusCode, 503);
  t.match(edge.output(), "NATS cannot be reached");
  t.notMatch(edge.output(), "hunter2");

  const nats = await startNats({ port: natsPort });
  t.teardown(() => nats.stop());
  await until(async () => (await fetch(`${edge.url}/readyz`).catch(() => undefined))?.ok === true);
  const ana = await full(t, edge, "ana", [{ room: "hall" }]);
  t.match(await said(ana, "hall", "at last"), { type: "ack", duplicate: false });
});

const JETSTREAM_OFF = "jetstream: disabled";

t.test("an edge whose NATS has no JetStream is not ready, and says what is to be done", async (t) => {
  const natsPort = await freePort();
  const off = await startNats({ port: natsPort, configText: JETSTREAM_OFF });
  t.teardown(() => off.stop());
  const edge = await edgeThatWaits(t, natsPort);
  const reason = async () => (await (await fetch(`${edge.url}/readyz`)).json()).missing?.log ?? "";
  await until(async () => /jetstream block in its configuration/.test(await reason()));
  await until(() => /start nats-server with -js.*trying on/.test(edge.output()));
  await off.stop();
  const on = await startNats({ port: natsPort });
  t.teardown(() => on.stop());
  await until(async () => (await fetch(`${edge.url}/readyz`).catch(() => undefined))?.ok === true);

  await on.stop();
  const offAgain = await startNats({ port: natsPort, configText: JETSTREAM_OFF });
  t.teardown(() => offAgain.stop());
  await until(async () => /start nats-server with -js/.test(await reason()));
  await offAgain.stop();
  const onAgain = await startNats({ port: natsPort });
  t.teardown(() => onAgain.stop());
  await until(async () => (await fetch(`${edge.url}/readyz`)).ok, 30_000);
});

t.test("an edge that waits for NATS ends when it is told to, as any other", async (t) => {
  const edge = await edgeThatWaits(t, await freePort());
  await edge.kill("SIGTERM");
  t.same(await edge.exited, { code: 0, signal: null });
});

t.test("a port that is taken is told to who waits, too", async (t) => {
  const first = await edgeThatWaits(t, await freePort());
  const second = startProcess({
    name: "second",
    entry: join(import.meta.dirname, "../src/main.ts"),
    port: first.port,
    env: { NATS_URL: "nats://127.0.0.1:1" },
  });
  await t.rejects(second, /EADDRINUSE/);
});

t.test("a log that breaks its promise: no edge starts on it, and those that run say so at once", async (t) => {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const entry = join(import.meta.dirname, "../src/main.ts");
  const env = { NATS_URL: nats.url, DRAIN_MS: "0" };
  const edge = await startProcess({ name: "edge", entry, env });
  t.teardown(() => edge.stop());
  const nc = await connect({ servers: nats.url });
  t.teardown(() => nc.close());
  await (await jetstreamManager(nc)).streams.update("CHAT", { max_msgs_per_subject: 5 });
  const line = /The stream CHAT has settings .*: max_msgs_per_subject is 5, and must be -1\./;
  await t.rejects(startProcess({ name: "second", entry, env }), { message: /exit code 1/, tail: line });
  await until(() => line.test(edge.output()), 30_000);
  t.match(edge.output(), /"level":50.*max_msgs_per_subject/);
  t.ok(edge.running);
});
