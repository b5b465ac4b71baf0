import { eventually, full, natsFor } from "@madang/test-kit";
import t from "tap";
import { WebSocket } from "ws";
import { edgeFor } from "./support.ts";

t.setTimeout(120_000);
// These tests mostly wait, each on its own servers.
t.jobs = 3;

/**
 * A plain member. The n-th connection of an edge is pinged in its n-th second.
 * @param autoPong whether it answers pings
 */
async function member(port: number, autoPong: boolean): Promise<{ ws: WebSocket; closed: () => number | undefined }> {
  let closed: number | undefined;
  const ws = new WebSocket(`ws://127.0.0.1:${port}/ws/chat/a/`, { perMessageDeflate: false, autoPong });
  ws.on("close", (code) => {
    closed = code;
  });
  ws.on("error", () => {});
  await eventually(() => ws.readyState === WebSocket.OPEN);
  return { ws, closed: () => closed };
}

t.test(
  "F6 a client that answers no ping is closed with 3012 after 8 s, unless a frame of it is still arriving",
  async (t) => {
    const edge = await edgeFor(t, await natsFor(t));
    const alive = await member(edge.port, true);
    const silent = await member(edge.port, false);
    const slow = await member(edge.port, false);
    t.teardown(() => alive.ws.terminate());
    t.teardown(() => slow.ws.terminate());
    // A frame that arrives byte by byte, for longer than a ping waits for its answer; its mask is zeros.
    const up = (slow.ws as unknown as { _socket: import("node:net").Socket })._socket;
    up.write(Buffer.from([0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0]));
    const dripping = setInterval(() => up.write(" "), 250);
    t.teardown(() => clearInterval(dripping));
    const since = performance.now();
    await eventually(() => silent.closed() !== undefined, { limitMs: 45_000 });
    t.equal(silent.closed(), 3012);
    t.ok(performance.now() - since > 7500, "not before its time");
    t.equal(alive.closed(), undefined);
    // Its ping comes one second after that of the silent one.
    const later = performance.now() + 3000;
    await eventually(() => performance.now() > later);
    t.equal(slow.closed(), undefined);
  },
);

t.test("F1, F7 a full client without a hello is closed with 3502 after 10 s; others stay", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const greeted = await full(t, edge, "u");
  const plain = await member(edge.port, true);
  t.teardown(() => plain.ws.terminate());
  const mute = await full(t, edge);
  const since = performance.now();
  t.equal((await mute.closing(20_000)).code, 3502);
  t.ok(performance.now() - since > 9500, "not before its time");
  t.equal(greeted.closed, undefined);
  t.equal(plain.closed(), undefined);
});

t.test("F6, F8 a slow reader has time to reach the ping", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const speaker = await full(t, edge, "s", ["a"]);
  // These use up the first seconds, so that the slow one is pinged when it has much to read.
  const others = await Promise.all([1, 2, 3, 4, 5].map(() => member(edge.port, true)));
  for (const { ws } of others) ws.terminate();
  const slow = await member(edge.port, true);
  t.teardown(() => slow.ws.terminate());
  const socket = (slow.ws as unknown as { _socket: import("node:net").Socket })._socket;
  socket.pause();
  // All of this fits into the system's buffers: nothing waits in the edge.
  for (let n = 0; n < 100; n++) await speaker.say("a", `m${n} ${"x".repeat(3900)}`, `n${n}`);
  t.equal([...edge.sessions.all].find(({ isPlain }) => isPlain)?.connection.backlog, 0);
  t.equal(edge.sessions.size, 2);
  const since = performance.now();
  await eventually(() => edge.sessions.size < 2 || performance.now() - since > 18_000, { limitMs: 20_000 });
  t.equal(edge.sessions.size, 2);
  socket.resume();
  let last = "";
  slow.ws.on("message", (data) => {
    last = JSON.parse(data.toString()).nonce;
  });
  await speaker.say("a", "end");
  await eventually(() => last === "end");
});
