/** What the attack suite (`npm run attack`) found, each by itself. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { maxSockets } from "../src/access/address-limits.ts";
import { edgeFor, full, natsFor, until } from "./support.ts";

t.test("attacks on a real edge", async (t) => {
  const nats = await natsFor(t);

  await t.test("a message in crumbs is no message", async (t) => {
    const edge = await edgeFor(t, nats);
    const client = await full(t, edge, "a", [{ room: "crumbs" }]);
    const text = JSON.stringify({ type: "message", room: "crumbs", message: "x", nonce: "n" }).padEnd(128);
    for (let i = 0; i < text.length; i++) client.ws.send(text[i]!, { fin: i === text.length - 1 });
    await client.next("ack");
    for (let i = 0; i < 200; i++) client.ws.send("x", { fin: false });
    t.equal((await client.closing()).code, 1008);
  });

  await t.test("whoever talks on after the close is cut, whatever they say", async (t) => {
    const edge = await edgeFor(t, nats);
    const socket = connect(edge.port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    const startedAt = performance.now();
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    socket.on("error", () => {}).resume();
    socket.write(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    // Without the subprotocol it is closed at once (3501); empty pongs, with a mask of zeros.
    const pongs = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([0x8a, 0x80, 0, 0, 0, 0])));
    socket.write(pongs);
    await closed;
    t.ok(performance.now() - startedAt < 1500, "before the time for the close handshake is over");
  });

  await t.test("so is who talks on after what is no WebSocket", async (t) => {
    const edge = await edgeFor(t, nats);
    const socket = connect({ port: edge.port, host: "127.0.0.1", allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    socket.on("error", () => {}).resume();
    socket.write(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: madang.v1\r\n\r\n",
    );
    await until(() => edge.sessions.size === 1);
    // Bits that are reserved.
    socket.write(Buffer.alloc(1024, 0xff));
    const talk = setInterval(() => socket.write(Buffer.alloc(1024)), 20);
    t.teardown(() => clearInterval(talk));
    await until(() => edge.sessions.size === 0);
  });

  await t.test("pings are counted, too (F7)", async (t) => {
    const edge = await edgeFor(t, nats, { SEND_LIMIT: "5/1s" });
    const client = await full(t, edge, "a");
    const timer = setInterval(() => client.ws.readyState === 1 && client.ws.ping(), 1);
    t.teardown(() => clearInterval(timer));
    t.equal((await client.closing()).code, 3013);
  });

  await t.test("sockets of an address, before they have said anything", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "2", REQUEST_LIMIT_MS: "off" });
    const dial = (localAddress: string) => {
      const socket = connect({ port: edge.port, host: "127.0.0.1", localAddress });
      t.teardown(() => socket.destroy());
      socket.on("error", () => {});
      return socket;
    };
    const silent = Array.from({ length: 4 }, () => dial("127.0.0.2"));
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    const tooMany = dial("127.0.0.2").resume();
    await until(() => tooMany.destroyed);
    t.equal((await fetch(`http://127.0.0.1:${edge.port}/livez`)).status, 200, "others come in");
    silent[0]!.destroy();
    await until(async () => {
      const socket = dial("127.0.0.2");
      socket.write("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      const [answer] = await Promise.race([once(socket, "data"), once(socket, "close")]);
      return String(answer).startsWith("HTTP/1.1 200");
    });
  });

  await t.test("handshakes of an address; one that was thrown out has used up twenty", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "12", SEND_LIMIT: "1/60s" });
    const first = await full(t, edge, "a");
    for (let i = 0; i < 200; i++) first.send("{");
    t.equal((await first.closing()).code, 3013);
    for (let i = 0; i < 3; i++) {
      const client = await full(t, edge, "b");
      await client.next("welcome");
      client.ws.terminate();
    }
    const refused = await full(t, edge);
    await refused.closing();
    t.equal(refused.refusedWith, 429, "24 a minute");
  });

  await t.test("F6 what takes long to parse is refused unparsed", async (t) => {
    const edge = await edgeFor(t, nats);
    const deep = "[".repeat(40) + "]".repeat(40);
    const client = await full(t, edge, "a");
    client.send(`{"type":"leave","room":"a","more":${deep}}`);
    t.match(await client.next("error"), { code: "bad_frame" });
    const body = `{"message":"hi","more":${deep}}`;
    const answer = await edge.app.inject({
      method: "POST",
      url: "/v1/rooms/a/messages",
      headers: { "content-type": "application/json" },
      body,
    });
    t.equal(answer.statusCode, 400);
    t.match(answer.json(), { code: "bad_request", detail: /32 levels/ });
  });

  await t.test("a slow body is kept from persistence until it is whole", async (t) => {
    const asked: string[] = [];
    const persistence = createServer((request, response) => {
      request.setEncoding("utf8").on("data", (text) => asked.push(text));
      request.on("end", () => response.end("{}"));
    }).listen(0, "127.0.0.1");
    t.teardown(() => persistence.close());
    await once(persistence, "listening");
    let connections = 0;
    persistence.on("connection", () => connections++);
    const { port } = persistence.address() as AddressInfo;
    const edge = await edgeFor(t, nats, { PERSISTENCE_URL: `http://127.0.0.1:${port}` });
    const socket = connect(edge.port, "127.0.0.1").setEncoding("utf8");
    t.teardown(() => socket.destroy());
    const chunks = ['7\r\n{"topic', '\r\n6\r\n":"x"}\r\n0\r\n\r\n'];
    socket.write(
      `PUT /v1/rooms/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks[0]}`,
    );
    // By the time that it has answered a request that came later, it has seen what it has of the first.
    t.equal((await fetch(`http://127.0.0.1:${edge.port}/livez`)).status, 200);
    await delay(100);
    t.equal(connections, 0);
    socket.write(chunks[1]!);
    t.match((await once(socket, "data"))[0], /^HTTP\/1.1 200/);
    t.same(asked, ['{"topic":"x"}']);
  });

  await t.test("handshakes that wait together are counted together", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "100", TRUST_PROXY: "1" });
    const clients = await Promise.all(Array.from({ length: 190 }, () => full(t, edge)));
    const open = clients.filter(({ closed }) => closed === undefined).length;
    t.ok(open >= 100 && open < 165, `${open} are open`);
  });
});

t.test("some of the files that the system lets us open are kept for our own sockets", async (t) => {
  t.ok(maxSockets() > 0);
});
