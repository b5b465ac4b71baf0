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

t.test("an edge without NATS lives, is not ready, says why, and serves when NATS has come", async (t) => {
  const natsPort = await freePort();
  const edge = await edgeThatWaits(t, natsPort);
  const readiness = await fetch(`${edge.url}/readyz`);
  t.equal(readiness.status, 503);
  t.same(await readiness.json(), { status: "not ready", missing: { log: "not connected" } });
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
