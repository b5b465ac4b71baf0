import { type Child, freePort, startService } from "@madang/local-stack";
import {
  eventually,
  figure,
  full,
  HttpClient,
  NOWHERE,
  natsConnection,
  natsFor,
  rawSocket,
  startSystem,
  webSocketHandshake,
} from "@madang/test-kit";
import t, { type Test } from "tap";

async function edgeThatWaits(t: Test, natsPort: number): Promise<Child> {
  const edge = await startService("edge", {
    name: "edge",
    env: {
      NATS_URL: `nats://somebody:hunter2@127.0.0.1:${natsPort}`,
      PERSISTENCE_URL: NOWHERE,
      DRAIN_MS: "0",
    },
    readyPath: "/livez",
  });
  t.teardown(() => edge.stop());
  return edge;
}

/** Waits until the edge is ready. */
async function ready(edge: Child): Promise<void> {
  await eventually(async () => (await new HttpClient(edge).get("/readyz")).status === 200);
}

// These tests mostly wait, each on its own servers.
t.jobs = 3;

t.test("without NATS an edge is alive, not ready, says why, and serves once NATS is there", async (t) => {
  const natsPort = await freePort();
  const edge = await edgeThatWaits(t, natsPort);
  const http = new HttpClient(edge);
  t.match(await http.get("/readyz"), { status: 503, body: { status: "not ready", missing: { log: String } } });
  await eventually(async () => /refused/.test((await http.get("/readyz")).body.missing.log));
  t.equal((await http.get("/livez")).status, 200);
  t.match(await http.get("/metrics"), { status: 200, text: /^madang_log_connected 0$/m });
  for (const answer of [
    await http.get("/v1/rooms"),
    await http.get("/v1/rooms/hall/messages"),
    await http.post("hall", "hi"),
    await http.get("/docs"),
  ]) {
    t.match(answer, { status: 503, body: { code: "log_unavailable" } });
    t.equal(answer.headers.get("retry-after"), "1");
  }
  for (const path of ["/", "/chat/hall/ana"]) {
    const { status, headers } = await http.get(path);
    t.same([status, headers.get("retry-after")], [503, "1"], path);
    t.match(headers.get("content-type"), "text/html", path);
  }
  for (const path of ["/ws", "/ws/chat/hall/"]) {
    const { socket, text } = await rawSocket(t, edge);
    socket.write(webSocketHandshake(path));
    await eventually(() => text().endsWith("}"));
    t.match(text(), /^HTTP\/1.1 503 [\s\S]*\r\nretry-after: 1\r\n/i, path);
  }
  t.match(edge.output(), "NATS cannot be reached");
  t.notMatch(edge.output(), "hunter2");

  const nats = await natsFor(t, { port: natsPort });
  await ready(edge);
  const ana = await full(t, edge, "ana", ["hall"]);
  t.match(await ana.say("hall", "at last"), { type: "ack", duplicate: false });

  // In a later outage the edge keeps its clients, and serves pages.
  await nats.stop();
  await eventually(async () => (await http.get("/readyz")).status === 503);
  t.equal((await http.get("/")).status, 200);
  t.equal(await figure(edge, "madang_log_connected"), 0);
});

const JETSTREAM_OFF = "jetstream: disabled";

t.test("with a NATS without JetStream an edge is not ready, and says what the operator must do", async (t) => {
  const natsPort = await freePort();
  const reason = async () => (await new HttpClient(edge).get("/readyz")).body.missing?.log ?? "";
  const off = await natsFor(t, { port: natsPort, configText: JETSTREAM_OFF });
  const edge = await edgeThatWaits(t, natsPort);
  await eventually(async () => /jetstream block in its configuration/.test(await reason()));
  await eventually(() => /start nats-server with -js/.test(edge.output()));
  await off.stop();
  const on = await natsFor(t, { port: natsPort });
  await ready(edge);

  await on.stop();
  const offAgain = await natsFor(t, { port: natsPort, configText: JETSTREAM_OFF });
  await eventually(async () => /start nats-server with -js/.test(await reason()));
  await offAgain.stop();
  await natsFor(t, { port: natsPort });
  await ready(edge);
});

t.test("an edge that waits for NATS stops on SIGTERM with exit code 0", async (t) => {
  const edge = await edgeThatWaits(t, await freePort());
  await edge.kill("SIGTERM");
  t.same(await edge.exited, { code: 0, signal: null });
});

t.test("an edge without NATS reports a port that is taken", async (t) => {
  const first = await edgeThatWaits(t, await freePort());
  const env = { NATS_URL: "nats://127.0.0.1:1" };
  const second = startService("edge", { name: "second", port: first.port, env });
  await t.rejects(second, /EADDRINUSE/);
});

t.test("unsafe settings of the log: no edge starts with them, and running edges log them", async (t) => {
  const { nats, edge, startEdge } = await startSystem(t, { persistences: 0 });
  await (await natsConnection(t, nats)).jsm.streams.update("CHAT", { max_msgs_per_subject: 5 });
  const line = /The stream CHAT has settings .*: max_msgs_per_subject is 5, and must be -1\./;
  await t.rejects(startEdge(), { message: /exit code 1/, tail: line });
  await eventually(() => line.test(edge.output()), { limitMs: 30_000 });
  t.match(edge.output(), /"level":50.*max_msgs_per_subject/);
  t.ok(edge.running);
});
