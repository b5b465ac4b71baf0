import { once } from "node:events";
import { eventually, HttpClient, natsFor, rawSocket, UPGRADE, webSocketHandshake } from "@madang/test-kit";
import t, { type Test } from "tap";
import { edgeFor, plainMember, socketsAre, type TestEdge } from "./support.ts";

/**
 * What a server answers to these bytes, until it has closed the connection.
 * @param isLast the client ends its side once it has an answer; if not, the server must close by itself
 */
async function answer(t: Test, edge: TestEdge, bytes: string, isLast = true): Promise<string> {
  const { socket, text, ended } = await rawSocket(t, edge, { allowHalfOpen: true });
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  socket.write(bytes);
  await eventually(() => hasEnded || (isLast && text().endsWith("}")));
  socket.end();
  return ended;
}

/** The beginning of what a server answers to these bytes. */
async function firstBytes(t: Test, edge: TestEdge, bytes: string): Promise<string> {
  const { socket } = await rawSocket(t, edge);
  socket.write(bytes);
  const [data] = await once(socket, "data");
  return String(data);
}

t.test("a refused handshake leaves no socket behind, whatever its URL", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const [line, status] of [
    ["GET /ws/chat/%/", 400],
    ["GET /ws/chat/%ED%A0%80/", 400],
    [`GET /ws/chat/${"x".repeat(2000)}/`, 400],
    ["GET /ws/nowhere", 404],
    ["POST /ws", 405],
    ["GET /ws/chat/a/", 403],
  ] as const) {
    const foreign = status === 403 ? "Origin: https://evil.example\r\n" : "";
    const text = await answer(t, edge, `${line} HTTP/1.1\r\nHost: x\r\n${foreign}${UPGRADE}\r\n`);
    t.match(text, `HTTP/1.1 ${status} `);
    t.match(text, "application/problem+json");
    if (status >= 403) t.match(text, /x-content-type-options: nosniff/i);
    if (status === 403) t.match(text, /\r\nconnection: close\r\n/i, "the answer announces the close");
  }
  const page = await answer(t, edge, `GET /ws/chat/%/ HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n${UPGRADE}\r\n`);
  t.match(page, "application/problem+json", "for a browser, too");
  await socketsAre(edge, 0);
});

t.test("an offer of another protocol, or of an upgrade that the path does not have, is ignored", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const upgrade of [UPGRADE, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n"]) {
    const text = await answer(t, edge, `GET /livez HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    t.match(text, "HTTP/1.1 200 OK");
    const page = await answer(t, edge, `GET /nope HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    t.match(page, "HTTP/1.1 404 ");
  }
});

t.test("a list of protocols with WebSocket in it is an upgrade to WebSocket", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const [offered, status] of [
    ["h2c, websocket", 101],
    ["WebSocket ,foo/1", 101],
    ["a,\twebsocket\r\nUpgrade: b", 101],
    ["websocketx, h2c", 426],
    ["h2c", 426],
  ] as const) {
    const upgrade = UPGRADE.replace("Upgrade: websocket", `Upgrade: ${offered}`);
    const text = await firstBytes(t, edge, `GET /ws/chat/a/ HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    t.match(text, `HTTP/1.1 ${status} `, offered);
    if (status === 101) t.match(text, /\r\nUpgrade: websocket\r\n/);
  }
});

t.test("a handshake may name its URL with the host (RFC 6455, 4.2.1)", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const url of ["http://x/ws", "http://x/ws?a", "HTTPS://x/ws/chat/a/"]) {
    const text = await firstBytes(t, edge, `GET ${url} HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`);
    t.match(text, "HTTP/1.1 101 ", url);
  }
});

t.test("only HTTP/1.1 has an upgrade (RFC 9110, 7.8, and RFC 6455, 4.1)", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const [path, known] of [
    ["/ws", 426],
    ["/ws/", 426],
    ["/ws/chat/a/", 426],
    ["/livez", 200],
  ] as const) {
    for (const [version, status] of [
      ["1.0", known],
      ["0.9", 505],
      ["2.0", 505],
    ] as const) {
      const text = await answer(
        t,
        edge,
        `GET ${path} HTTP/${version}\r\nHost: x\r\n${UPGRADE}Connection: close\r\n\r\n`,
      );
      t.match(text, `HTTP/1.1 ${status} `, `${path} in ${version}`);
    }
  }
  t.equal(edge.sessions.size, 0);
});

t.test("an invalid handshake gets a problem, and one of another version the supported versions", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const [change, status] of [
    [["dGhlIHNhbXBsZSBub25jZQ==", "short"], 400],
    [["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""], 400],
    [["Version: 13", "Version: 13\r\nSec-WebSocket-Protocol: madang.v1,,x"], 400],
    [["Version: 13", "Version: 12"], 426],
    [["Sec-WebSocket-Version: 13\r\n", ""], 426],
  ] as const) {
    const upgrade = UPGRADE.replace(change[0], change[1]);
    const text = await answer(t, edge, `GET /ws/chat/a/ HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    t.match(text, `HTTP/1.1 ${status} `);
    t.match(text, "application/problem+json");
    t.match(JSON.parse(text.split("\r\n\r\n")[1]!), { code: "bad_request", status });
    t.equal(/\r\nsec-websocket-version: 13, 8\r\n/i.test(text), status === 426);
  }
  await socketsAre(edge, 0);
  t.equal(edge.sessions.size, 0);
});

t.test("WebSocket routes answer 426 without an upgrade, and invalid HTTP gets a problem", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const path of ["/ws", "/ws/chat/a/", "/ws/chat/a"]) {
    t.match(await new HttpClient(edge).get(path), { status: 426, body: { status: 426, code: "bad_request" } });
  }
  for (const wish of ["HTTP/1.1\r\nHost: x\r\nConnection: close", "HTTP/1.0\r\nHost: x"]) {
    const text = await answer(t, edge, `GET /ws ${wish}\r\n\r\n`, false);
    t.match(text, /HTTP\/1.1 426 .*\r\nconnection: upgrade, close\r\n/is, "the connection is closed");
  }
  for (const [bytes, status] of [
    ["NONSENSE\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const text = await answer(t, edge, bytes);
    t.match(text, `HTTP/1.1 ${status} `);
    t.match(text, '"code":"bad_request"');
  }
});

t.test("an upgrade behind an unanswered request is answered in its turn, and leaves no socket behind", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const ask = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
  const upgrade = `GET /ws HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`;
  const { socket, text } = await rawSocket(t, edge);
  socket.write(ask + upgrade);
  await eventually(() => text().split("HTTP/1.1 ").length === 3 && text().endsWith("}"));
  t.same(text().match(/(?<=HTTP\/1\.1 )\d+/g), ["200", "426"]);
  // The same connection may be upgraded once it has no request to answer.
  socket.write(upgrade);
  await eventually(() => text().includes("HTTP/1.1 101 "));
  socket.destroy();

  const gone = await rawSocket(t, edge);
  gone.socket.end(ask + upgrade);
  await gone.ended;
  await socketsAre(edge, 0);
});

t.test(
  "a client that ends its side of TCP has left: its last message is stored, and no socket stays behind",
  async (t) => {
    const edge = await edgeFor(t, await natsFor(t));
    const watcher = await plainMember(t, edge, "a");
    // A text frame with a mask of zeros.
    const said = Buffer.from('{"message":"bye","user":"u"}');
    const frame = Buffer.concat([Buffer.from([0x81, 0x80 | said.length, 0, 0, 0, 0]), said]);
    const { socket, ended } = await rawSocket(t, edge, { allowHalfOpen: true });
    socket.end(Buffer.concat([Buffer.from(webSocketHandshake("/ws/chat/a/")), frame]));
    await ended;
    t.match(await watcher.next("message"), { message: "bye" });
    await eventually(() => edge.sessions.size === 1);
    await socketsAre(edge, 1);
  },
);
