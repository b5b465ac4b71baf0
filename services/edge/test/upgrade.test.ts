import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { edgeFor, natsFor, plain, until } from "./support.ts";

const UPGRADE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/**
 * What a server says to these bytes. It has hung up as well when this resolves.
 * @param isLast the client says that it has said all, once it has an answer; if not, the server is to hang up by itself
 */
async function answer(port: number, bytes: string, isLast = true): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let text = "";
  let ended = false;
  socket.on("data", (data) => {
    text += data;
  });
  socket.on("end", () => {
    ended = true;
  });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(bytes);
  await until(() => ended || (isLast && text.endsWith("}")));
  socket.end();
  await until(() => ended);
  socket.destroy();
  return text;
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
    const text = await answer(edge.port, `${line} HTTP/1.1\r\nHost: x\r\n${foreign}${UPGRADE}\r\n`);
    t.match(text, `HTTP/1.1 ${status} `);
    t.match(text, "application/problem+json");
    if (status >= 403) t.match(text, /x-content-type-options: nosniff/i);
    if (status === 403) t.match(text, /\r\nconnection: close\r\n/i, "so says the answer");
  }
  const page = await answer(edge.port, `GET /ws/chat/%/ HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n${UPGRADE}\r\n`);
  t.match(page, "application/problem+json", "from a browser, too");
  await until(() => new Promise((resolve) => edge.app.server.getConnections((_error, count) => resolve(count === 0))));
});

t.test("who only offers another protocol, or an upgrade where there is none, is answered all the same", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const upgrade of [UPGRADE, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n"]) {
    const text = await answer(edge.port, `GET /livez HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    t.match(text, "HTTP/1.1 200 OK");
    const page = await answer(edge.port, `GET /nope HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
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
    const socket = connect(edge.port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    socket.write(
      `GET /ws/chat/a/ HTTP/1.1\r\nHost: x\r\n${UPGRADE.replace("Upgrade: websocket", `Upgrade: ${offered}`)}\r\n`,
    );
    const [data] = await once(socket, "data");
    t.match(String(data), `HTTP/1.1 ${status} `, offered);
    if (status === 101) t.match(String(data), /\r\nUpgrade: websocket\r\n/);
  }
});

t.test("a handshake may name its URL with the host (RFC 6455, 4.2.1)", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const url of ["http://x/ws", "http://x/ws?a", "HTTPS://x/ws/chat/a/"]) {
    const socket = connect(edge.port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`);
    const [data] = await once(socket, "data");
    t.match(String(data), "HTTP/1.1 101 ", url);
  }
});

t.test("in another version than HTTP/1.1 there is no upgrade (RFC 9110, 7.8, and RFC 6455, 4.1)", async (t) => {
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
        edge.port,
        `GET ${path} HTTP/${version}\r\nHost: x\r\n${UPGRADE}Connection: close\r\n\r\n`,
      );
      t.match(text, `HTTP/1.1 ${status} `, `${path} in ${version}`);
    }
  }
  t.equal(edge.sessions.size, 0);
});

t.test(
  "what is no handshake is refused with a problem, and another version with the ones that are known",
  async (t) => {
    const edge = await edgeFor(t, await natsFor(t));
    for (const [change, status] of [
      [["dGhlIHNhbXBsZSBub25jZQ==", "short"], 400],
      [["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""], 400],
      [["Version: 13", "Version: 13\r\nSec-WebSocket-Protocol: madang.v1,,x"], 400],
      [["Version: 13", "Version: 12"], 426],
      [["Sec-WebSocket-Version: 13\r\n", ""], 426],
    ] as const) {
      const upgrade = UPGRADE.replace(change[0], change[1]);
      const text = await answer(edge.port, `GET /ws/chat/a/ HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
      t.match(text, `HTTP/1.1 ${status} `);
      t.match(text, "application/problem+json");
      t.match(JSON.parse(text.split("\r\n\r\n")[1]!), { code: "bad_request", status });
      t.equal(/\r\nsec-websocket-version: 13, 8\r\n/i.test(text), status === 426);
    }
    await until(
      () => new Promise((resolve) => edge.app.server.getConnections((_error, count) => resolve(count === 0))),
    );
    t.equal(edge.sessions.size, 0);
  },
);

t.test("without an upgrade the sockets' routes ask for one; what is no HTTP gets a problem, too", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (const path of ["/ws", "/ws/chat/a/", "/ws/chat/a"]) {
    const response = await fetch(`http://127.0.0.1:${edge.port}${path}`);
    t.equal(response.status, 426);
    t.match(await response.json(), { status: 426, code: "bad_request" });
  }
  for (const wish of ["HTTP/1.1\r\nHost: x\r\nConnection: close", "HTTP/1.0\r\nHost: x"]) {
    const text = await answer(edge.port, `GET /ws ${wish}\r\n\r\n`, false);
    t.match(text, /HTTP\/1.1 426 .*\r\nconnection: upgrade, close\r\n/is, "nothing is to follow");
  }
  for (const [bytes, status] of [
    ["NONSENSE\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const text = await answer(edge.port, bytes);
    t.match(text, `HTTP/1.1 ${status} `);
    t.match(text, '"code":"bad_request"');
  }
});

t.test(
  "an upgrade behind a request that has no answer yet is answered in its turn, and leaves no socket behind",
  async (t) => {
    const edge = await edgeFor(t, await natsFor(t));
    const ask = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    const upgrade = `GET /ws HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`;
    const socket = connect({ host: "127.0.0.1", port: edge.port });
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    socket.write(ask + upgrade);
    await until(() => text.split("HTTP/1.1 ").length === 3 && text.endsWith("}"));
    t.same(text.match(/(?<=HTTP\/1\.1 )\d+/g), ["200", "426"]);
    // With nothing under way the same connection may be upgraded.
    text = "";
    socket.write(upgrade);
    await until(() => text.includes("\r\n\r\n"));
    t.match(text, "HTTP/1.1 101 ");
    socket.destroy();

    const gone = connect({ host: "127.0.0.1", port: edge.port });
    gone.end(ask + upgrade).resume();
    await once(gone, "end");
    await until(
      () => new Promise((resolve) => edge.app.server.getConnections((_error, count) => resolve(count === 0))),
    );
  },
);

t.test("who ends their side of TCP has gone: what they had sent is taken, and no socket stays behind", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const watcher = await plain(t, edge, "a");
  // A text frame, masked with zeros.
  const said = Buffer.from('{"message":"bye","user":"u"}');
  const frame = Buffer.concat([Buffer.from([0x81, 0x80 | said.length, 0, 0, 0, 0]), said]);
  const socket = connect({ host: "127.0.0.1", port: edge.port, allowHalfOpen: true });
  socket.end(Buffer.concat([Buffer.from(`GET /ws/chat/a/ HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`), frame])).resume();
  await once(socket, "end");
  t.match(await watcher.next("message"), { message: "bye" });
  await until(() => edge.sessions.size === 1);
  await until(() => new Promise((resolve) => edge.app.server.getConnections((_error, count) => resolve(count === 1))));
});
