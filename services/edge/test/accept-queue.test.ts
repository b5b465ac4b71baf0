import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import t, { type Test } from "tap";
import { acceptInTurns } from "../src/arrival/accept-queue.ts";
import { Admission } from "../src/arrival/admission.ts";
import { edgeFor, natsFor } from "./support.ts";

const PER_TURN = 8;
const CROWD = 100;
/** So many come in at once. */
const BURST = 64;
const GET = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

async function serve(
  t: Test,
  onRequest: () => void = () => {},
  { admission = new Admission(() => 0), silenceMs = 0 } = {},
) {
  const server = createServer({ requestTimeout: 0 }, async (request, response) => {
    onRequest();
    response.end(`got ${(await text(request)).length}`);
  });
  const end = acceptInTurns(server, admission, silenceMs);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  /** On both sides: the server takes one a turn from the system's own queue. */
  const dialled = async (count: number) => {
    let accepted = 0;
    server.on("connection", () => accepted++);
    const sockets = Array.from({ length: count }, dial);
    while (accepted < count) await delay(1);
    return sockets;
  };
  const dial = () => connect((server.address() as AddressInfo).port, "127.0.0.1");
  return { server, end, dial, dialled };
}

t.test("a crowd that asks at one moment is served a few a turn, and all of it", async (t) => {
  let turn = 0;
  let ended = false;
  const perTurn = new Map<number, number>();
  const { dialled } = await serve(t, () => perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1));
  const crowd = await dialled(CROWD);
  const count = () => {
    turn++;
    if (!ended) setImmediate(count);
  };
  count();
  for (const socket of crowd) socket.write(GET);
  const answers = await Promise.all(crowd.map((socket) => text(socket)));
  ended = true;
  t.ok(answers.every((answer) => answer.startsWith("HTTP/1.1 200")));
  t.ok(Math.max(...perTurn.values()) <= PER_TURN, `${Math.max(...perTurn.values())} in a turn`);
});

t.test("handshakes are not read before they are let in, and whatever else is asked passes them", async (t) => {
  let served = 0;
  // Somebody is served: then newcomers come in by one to four a tick.
  const admission = new Admission(() => served++);
  for (let i = 0; i < BURST; i++) void admission.turn({ destroyed: false, remoteAddress: "192.0.2.1" });
  let read = 0;
  const { dial, dialled, end } = await serve(t, () => read++, { admission });
  const crowd = await dialled(CROWD);
  for (const socket of crowd) socket.write(GET.replace("/", "/ws/chat/a/"));
  const page = dial();
  page.write(GET);
  t.match(await text(page), /^HTTP\/1.1 200/);
  t.ok(read < CROWD / 2, `${read} were read before`);
  const answers = crowd.map((socket) => text(socket));
  t.match(await answers[0], /^HTTP\/1.1 200/, "the first of them comes in by itself");
  end();
  for (const answer of await Promise.all(answers)) t.match(answer, /^HTTP\/1.1 200/);
});

t.test("a request is read whole, however it comes", async (t) => {
  const { dial } = await serve(t);
  const body = "x".repeat(300_000);
  const post = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n`;
  const ways: [name: string, say: (socket: Socket) => unknown, got: number][] = [
    ["at once and with the end of the stream", (socket) => socket.end(GET), 0],
    ["with a body that is longer than what is read at once", (socket) => socket.end(`${post}\r\n${body}`), body.length],
    [
      "in pieces",
      async (socket) => {
        for (const piece of [GET.slice(0, 3), GET.slice(3, 20), GET.slice(20)]) {
          socket.write(piece);
          await delay(20);
        }
      },
      0,
    ],
    ["after a long silence", (socket) => delay(1200).then(() => socket.write(GET)), 0],
  ];
  for (const [name, say, got] of ways) {
    const socket = dial();
    await say(socket);
    t.match(await text(socket), new RegExp(`^HTTP/1.1 200 [^]*got ${got}\\b`), name);
  }
});

t.test("one connection asks twice", async (t) => {
  const { dial } = await serve(t);
  const socket = dial();
  const keep = GET.replace("close", "keep-alive");
  socket.end(keep + keep);
  t.equal((await text(socket)).split("HTTP/1.1 200").length - 1, 2);
});

t.test("who hangs up before its turn hurts nobody", async (t) => {
  const { server, dial, dialled } = await serve(t);
  const crowd = await dialled(CROWD);
  for (const [i, socket] of crowd.entries()) {
    socket.on("error", () => {});
    if (i % 2 === 0) socket.write(GET);
    socket.resetAndDestroy();
  }
  const last = dial();
  last.write(GET);
  t.match(await text(last), /^HTTP\/1.1 200/);
  server.closeAllConnections();
});

t.test("who says nothing for too long is told so, and HTTP never gets to know", async (t) => {
  const { server, dialled } = await serve(t, () => {}, { silenceMs: 50 });
  const [silent, late] = await dialled(2);
  late!.write(GET.slice(0, 10));
  const answer = await text(silent!);
  t.match(answer, /^HTTP\/1.1 408 .*urn:madang:error:bad_request/s);
  late!.write(GET.slice(10));
  t.match(await text(late!), /^HTTP\/1.1 200/, "who has begun has the time for a request");
  server.closeAllConnections();
});

t.test("who leaves without a word is let go", async (t) => {
  const { server, dialled } = await serve(t);
  const kept = new Set<Socket>();
  server.on("connection", (socket) => kept.add(socket).size && socket.on("close", () => kept.delete(socket)));
  const [ending, destroyed] = await dialled(2);
  ending!.end();
  destroyed!.destroy();
  t.equal(await text(ending!), "");
  while (kept.size > 0) await delay(5);
});

t.test("who has left leaves nothing behind that would wait for a word", async (t) => {
  const { server, dialled } = await serve(t);
  const kept = new Set<Socket>();
  server.on("connection", (socket) => kept.add(socket).size && socket.on("close", () => kept.delete(socket)));
  for (const socket of await dialled(CROWD)) socket.resetAndDestroy();
  while (kept.size > 0) await delay(1);
  const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  t.ok(timers < CROWD / 2, `${timers} timers`);
});

t.test("a server that closes knows of all: who has said nothing yet, and who waits for a turn", async (t) => {
  const { server, end, dialled } = await serve(t);
  const kept: Socket[] = [];
  server.on("connection", (socket) => kept.push(socket));
  const crowd = await dialled(CROWD);
  for (const [i, socket] of crowd.entries()) {
    socket.on("error", () => {});
    if (i % 2 === 0) socket.write(GET.slice(0, 10));
  }
  end();
  server.closeAllConnections();
  t.ok(kept.length === CROWD && kept.every((socket) => socket.destroyed));
});

t.test("an edge that closes lets go of who has said nothing yet, as of all others", async (t) => {
  const { app, port, stop } = await edgeFor(t, await natsFor(t));
  const kept: Socket[] = [];
  app.server.on("connection", (socket) => kept.push(socket));
  const silent = connect(port, "127.0.0.1");
  while (kept.length === 0) await delay(1);
  const closeAll = app.server.closeAllConnections.bind(app.server);
  let left = 0;
  app.server.closeAllConnections = () => {
    closeAll();
    left = kept.filter(({ destroyed }) => !destroyed).length;
  };
  silent.on("error", () => {});
  await stop();
  t.equal(left, 0);
});
