/** The attacks that `npm run attack` found, one test each. */

import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { SUBPROTOCOL } from "@madang/protocol";
import { eventually, full, HttpClient, natsFor, rawSocket, standIn, webSocketHandshake } from "@madang/test-kit";
import t from "tap";
import { maxSockets } from "../src/access/address-limits.ts";
import { edgeFor } from "./support.ts";

t.test("attacks on a real edge", async (t) => {
  const nats = await natsFor(t);

  await t.test("a message in very many fragments ends its connection", async (t) => {
    const edge = await edgeFor(t, nats);
    const client = await full(t, edge, "a", ["crumbs"]);
    const text = JSON.stringify({ type: "message", room: "crumbs", message: "x", nonce: "n" }).padEnd(128);
    for (let i = 0; i < text.length; i++) client.ws.send(text[i]!, { fin: i === text.length - 1 });
    await client.next("ack");
    for (let i = 0; i < 200; i++) client.ws.send("x", { fin: false });
    t.equal((await client.closing()).code, 1008);
  });

  await t.test("a peer that keeps sending after the Close frame is cut off", async (t) => {
    const edge = await edgeFor(t, nats);
    const { socket, ended } = await rawSocket(t, edge);
    const startedAt = performance.now();
    // The edge closes it at once (3501), because it asks for no subprotocol.
    socket.write(webSocketHandshake("/ws"));
    // Empty pongs, with a mask of zeros.
    const pongs = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([0x8a, 0x80, 0, 0, 0, 0])));
    socket.write(pongs);
    await ended;
    t.ok(performance.now() - startedAt < 1500, "before the close handshake times out");
  });

  await t.test("a peer that keeps sending after an invalid frame is cut off", async (t) => {
    const edge = await edgeFor(t, nats);
    const { socket } = await rawSocket(t, edge, { allowHalfOpen: true });
    socket.write(webSocketHandshake("/ws", `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n`));
    await eventually(() => edge.sessions.size === 1);
    // Reserved bits are set.
    socket.write(Buffer.alloc(1024, 0xff));
    const sending = setInterval(() => socket.write(Buffer.alloc(1024)), 20);
    t.teardown(() => clearInterval(sending));
    await eventually(() => edge.sessions.size === 0, { limitMs: 10_000 });
  });

  await t.test("F7 pings count against the send limit", async (t) => {
    const edge = await edgeFor(t, nats, { SEND_LIMIT: "5/1s" });
    const client = await full(t, edge, "a");
    const timer = setInterval(() => client.ws.readyState === 1 && client.ws.ping(), 1);
    t.teardown(() => clearInterval(timer));
    t.equal((await client.closing()).code, 3013);
  });

  await t.test("the sockets of an address are limited before they send anything", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "2", REQUEST_LIMIT_MS: "off" });
    const dial = () => rawSocket(t, edge, { localAddress: "127.0.0.2" });
    const silent = [await dial(), await dial(), await dial(), await dial()];
    await (await dial()).ended;
    t.equal((await new HttpClient(edge).get("/livez")).status, 200, "another address connects");
    silent[0]!.socket.destroy();
    await eventually(async () => {
      const { socket, ended } = await dial();
      socket.write("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      return (await ended).startsWith("HTTP/1.1 200");
    });
  });

  await t.test(
    "the handshakes of an address are limited, and a connection closed for abuse counts as twenty",
    async (t) => {
      const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "12", SEND_LIMIT: "1/60s" });
      const first = await full(t, edge, "a");
      for (let i = 0; i < 200; i++) first.send("{");
      t.equal((await first.closing()).code, 3013);
      for (let i = 0; i < 3; i++) {
        const client = await full(t, edge, "b");
        client.ws.terminate();
      }
      const refused = await full(t, edge);
      await refused.closing();
      t.equal(refused.refusedWith, 429, "24 a minute");
    },
  );

  await t.test("F6 deeply nested JSON is refused before it is parsed", async (t) => {
    const edge = await edgeFor(t, nats);
    const deep = "[".repeat(40) + "]".repeat(40);
    const client = await full(t, edge, "a");
    client.send(`{"type":"leave","room":"a","more":${deep}}`);
    t.match(await client.next("error"), { code: "bad_frame" });
    const answer = await new HttpClient(edge).post("a", { message: "hi", more: JSON.parse(deep) });
    t.match(answer, { status: 400, body: { code: "bad_request", detail: /32 levels/ } });
  });

  await t.test("a slow body does not reach persistence before it is complete", async (t) => {
    const bodies: string[] = [];
    const persistence = await standIn(t, (request, response) => {
      request.setEncoding("utf8").on("data", (text) => bodies.push(text));
      request.on("end", () => response.end("{}"));
    });
    let connections = 0;
    persistence.server.on("connection", () => connections++);
    const edge = await edgeFor(t, nats, { PERSISTENCE_URL: persistence.url });
    const { socket, text } = await rawSocket(t, edge);
    const chunks = ['7\r\n{"topic', '\r\n6\r\n":"x"}\r\n0\r\n\r\n'];
    socket.write(
      `PUT /v1/rooms/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks[0]}`,
    );
    // The edge answers this later request after it has read the first chunk.
    t.equal((await new HttpClient(edge).get("/livez")).status, 200);
    await delay(100);
    t.equal(connections, 0);
    socket.write(chunks[1]!);
    await once(socket, "data");
    t.match(text(), /^HTTP\/1.1 200/);
    t.same(bodies, ['{"topic":"x"}']);
  });

  await t.test("handshakes that wait at the same time are counted together", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "100", TRUST_PROXY: "1" });
    const clients = await Promise.all(Array.from({ length: 190 }, () => full(t, edge)));
    const open = clients.filter(({ closed }) => closed === undefined).length;
    t.ok(open >= 100 && open < 165, `${open} are open`);
  });
});

t.test("the edge keeps some of the files that it may open for its own sockets", async (t) => {
  t.ok(maxSockets() > 0);
});
