import t from "tap";
import { WebSocket } from "ws";
import { edgeFor, full, natsFor, said, until } from "./support.ts";

t.setTimeout(120_000);
// They wait, each on servers of its own.
t.jobs = 3;

/** A member without the means to answer a ping, or one that reads slowly. The n-th connection of an edge is pinged in its n-th second. */
async function member(port: number, autoPong: boolean): Promise<{ ws: WebSocket; closed: () => number | undefined }> {
  let closed: number | undefined;
  const ws = new WebSocket(`ws://127.0.0.1:${port}/ws/chat/a/`, { perMessageDeflate: false, autoPong });
  ws.on("close", (code) => {
    closed = code;
  });
  ws.on("error", () => {});
  await until(() => ws.readyState === WebSocket.OPEN);
  return { ws, closed: () => closed };
}

t.test(
  "F6 who answers no ping is closed with 3012 after 8 s, who answers, or is still saying something, stays",
  async (t) => {
    const edge = await edgeFor(t, await natsFor(t));
    const alive = await member(edge.port, true);
    const silent = await member(edge.port, false);
    const slow = await member(edge.port, false);
    t.teardown(() => alive.ws.terminate());
    t.teardown(() => slow.ws.terminate());
    // A frame that takes longer to come than a ping may wait for its answer, a byte at a time; masked with zeros.
    const up = (slow.ws as unknown as { _socket: import("node:net").Socket })._socket;
    up.write(Buffer.from([0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0]));
    const dripping = setInterval(() => up.write(" "), 250);
    t.teardown(() => clearInterval(dripping));
    const since = performance.now();
    await until(() => silent.closed() !== undefined, 45_000);
    t.equal(silent.closed(), 3012);
    t.ok(performance.now() - since > 7500, "not before its time");
    t.equal(alive.closed(), undefined);
    // It was asked a second after the silent one.
    const later = performance.now() + 3000;
    await until(() => performance.now() > later);
    t.equal(slow.closed(), undefined);
  },
);

t.test("F1, F7 who says no hello within 10 s is closed with 3502; who said it, and plain ones, stay", async (t) => {
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

t.test("F6, F8 who reads slowly, but on and on, is given the time to get to the ping", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const speaker = await full(t, edge, "s", [{ room: "a" }]);
  // Its turn to be pinged comes when it has something to read.
  const others = await Promise.all([1, 2, 3, 4, 5].map(() => member(edge.port, true)));
  for (const { ws } of others) ws.terminate();
  const slow = await member(edge.port, true);
  t.teardown(() => slow.ws.terminate());
  const socket = (slow.ws as unknown as { _socket: import("node:net").Socket })._socket;
  socket.pause();
  // As much as only fits where nobody but the system sees it: nothing waits in the edge.
  for (let n = 0; n < 100; n++) await said(speaker, "a", `m${n} ${"x".repeat(3900)}`, `n${n}`);
  t.equal([...edge.sessions.all].find(({ isPlain }) => isPlain)?.connection.backlog, 0);
  t.equal(edge.sessions.size, 2);
  const since = performance.now();
  await until(() => edge.sessions.size < 2 || performance.now() - since > 18_000, 20_000);
  t.equal(edge.sessions.size, 2);
  socket.resume();
  let last = "";
  slow.ws.on("message", (data) => {
    last = JSON.parse(data.toString()).nonce;
  });
  await said(speaker, "a", "end");
  await until(() => last === "end");
});
