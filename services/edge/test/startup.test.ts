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

// These tests wait most of their time, each on servers of its own.
t.jobs = 3;

t.test("without NATS an edge is alive, not ready, says why, and serves once NATS is there", async (t) => {
  const natsPort = await freePort();
  const edge = await edgeThatWaits(t, natsPort);
  const readiness = await fetch(`${edge.url}/readyz`);
  t.equal(readiness.status, 503);
  t.match(await readiness.json(), { status: "not ready", missing: { log: String } });
  await until(async () => /refused/.test((await (await fetch(`${edge.url}/readyz`)).json()).missing.log));
  t.equal((await fetch(`${edge.url}/livez`)).status, 200);
  const metrics = await fetch(`${edge.url}/metrics`);
  t.equal(metrics.status, 200);
  t.match(await metrics.text(), /^madang_log_connected 0$/m);
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: '{"message":"hi"}' };
  for (const [path, options] of [
    ["/v1/rooms", {}],
    ["/v1/rooms/hall/messages", {}],
    ["/v1/rooms/hall/messages", post],
    ["/docs", {}],
  ] as const) {
    const answer = await fetch(edge.url + path, options);
    t.equal(answer.status, 503, path);
    t.equal(answer.headers.get("retry-after"), "1", path);
    t.match(await answer.json(), { code: "log_unavailable" }, path);
  }
  for (const path of ["/", "/chat/hall/ana"]) {
    const page = await fetch(edge.url + path);
    t.equal(page.status, 503, path);
    t.equal(page.headers.get("retry-after"), "1", path);
    t.match(page.headers.get("content-type"), "text/html", path);
  }
  for (const path of ["/ws", "/ws/chat/hall/"]) {
    const [, refusal] = await once(new WebSocket(`ws://127.0.0.1:${edge.port}${path}`), "unexpected-response");
    t.equal(refusal.statusCode, 503, path);
    t.equal(refusal.headers["retry-after"], "1", path);
  }
  t.match(edge.output(), "NATS cannot be reached");
  t.notMatch(edge.output(), "hunter2");

  const nats = await startNats({ port: natsPort });
  t.teardown(() => nats.stop());
  await until(async () => (await fetch(`${edge.url}/readyz`).catch(() => undefined))?.ok === true);
  const ana = await full(t, edge, "ana", [{ room: "hall" }]);
  t.match(await said(ana, "hall", "at last"), { type: "ack", duplicate: false });

  // Only the first time counts: in a later outage it serves those who are in, and waits with them.
  await nats.stop();
  await until(async () => (await fetch(`${edge.url}/readyz`)).status === 503);
  t.equal((await fetch(`${edge.url}/`)).status, 200);
  t.match(await (await fetch(`${edge.url}/metrics`)).text(), /^madang_log_connected 0$/m);
});

const JETSTREAM_OFF = "jetstream: disabled";

t.test("with a NATS without JetStream an edge is not ready, and says what the operator must do", async (t) => {
  const natsPort = await freePort();
  const off = await startNats({ port: natsPort, configText: JETSTREAM_OFF });
  t.teardown(() => off.stop());
  const edge = await edgeThatWaits(t, natsPort);
  const reason = async () => (await (await fetch(`${edge.url}/readyz`)).json()).missing?.log ?? "";
  await until(async () => /jetstream block in its configuration/.test(await reason()));
  await until(() => /start nats-server with -js/.test(edge.output()));
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

t.test("an edge that waits for NATS stops on SIGTERM with exit code 0", async (t) => {
  const edge = await edgeThatWaits(t, await freePort());
  await edge.kill("SIGTERM");
  t.same(await edge.exited, { code: 0, signal: null });
});

t.test("an edge without NATS reports a port that is taken", async (t) => {
  const first = await edgeThatWaits(t, await freePort());
  const second = startProcess({
    name: "second",
    entry: join(import.meta.dirname, "../src/main.ts"),
    port: first.port,
    env: { NATS_URL: "nats://127.0.0.1:1" },
  });
  await t.rejects(second, /EADDRINUSE/);
});

t.test("unsafe settings of the log: no edge starts with them, and running edges log them", async (t) => {
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
