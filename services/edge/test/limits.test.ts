import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import t from "tap";
import { parseCount, parseRate } from "../src/access/limit-syntax.ts";
import { edgeConfig } from "../src/config.ts";
import { bearer, JWT_ENV, knock, token } from "./auth-support.ts";
import { edgeFor, full, natsFor, until } from "./support.ts";

t.test("a limit is so many in so long, or off", async (t) => {
  t.same(parseRate("X", "120/60s"), { count: 120, windowMs: 60_000 });
  t.same(parseRate("X", "5/1m"), { count: 5, windowMs: 60_000 });
  t.equal(parseRate("X", "off"), undefined);
  t.equal(parseCount("X", "off"), Number.POSITIVE_INFINITY);
  for (const bad of ["", "120", "0/60s", "120/0s", "-1/60s", "120/60", "120/60s ", "1e3/60s", "OFF"]) {
    t.throws(() => parseRate("SEND_LIMIT", bad), { name: "ConfigError", message: /SEND_LIMIT.*120\/60s, or off/ }, bad);
  }
  for (const bad of ["", "0", "-1", "1.5", "many"]) t.throws(() => parseCount("X", bad), { name: "ConfigError" });
});

t.test("the counted limits are off for this machine alone, and on for everybody else", async (t) => {
  const open = edgeConfig({}).limits;
  t.match(open, { sends: undefined, userSends: undefined, joins: undefined, requests: undefined });
  t.equal(open.addressConnections, Number.POSITIVE_INFINITY);
  t.equal(open.connectionRooms, 128);
  for (const env of [{ HOST: "0.0.0.0", ALLOW_ANONYMOUS: "true" }, JWT_ENV]) {
    t.match(edgeConfig(env).limits, { sends: { count: 120, windowMs: 60_000 }, addressConnections: 200 });
  }
  t.same(edgeConfig({ SEND_LIMIT: "1/1s" }).limits.sends, { count: 1, windowMs: 1000 });
  t.equal(edgeConfig({ ...JWT_ENV, SEND_LIMIT: "off" }).limits.sends, undefined);
  for (const value of ["true", "a b", "-1", "*"]) t.throws(() => edgeConfig({ TRUST_PROXY: value }), /TRUST_PROXY/);
  for (const value of ["500", "soon"]) t.throws(() => edgeConfig({ REQUEST_LIMIT_MS: value }), /REQUEST_LIMIT_MS/);
});

t.test("limits on a real edge", async (t) => {
  const nats = await natsFor(t);

  await t.test(
    "sends of a connection: rate_limited with the nonce and when to come again; others are not held up",
    async (t) => {
      const edge = await edgeFor(t, nats, { SEND_LIMIT: "3/1s" });
      const [client, other] = [await full(t, edge, "a", [{ room: "r" }]), await full(t, edge, "b", [{ room: "r" }])];
      for (let i = 0; i < 5; i++) client.send({ type: "message", room: "r", message: "x", nonce: `${i}` });
      await until(() => client.of("error").length === 2);
      t.match(client.of("error"), [{ code: "rate_limited", temporary: true, nonce: "3" }, { nonce: "4" }]);
      const { retryAfter } = client.of("error")[0];
      t.ok(retryAfter > 0 && retryAfter <= 0.34, `${retryAfter}`);
      other.send({ type: "message", room: "r", message: "x", nonce: "b" });
      await other.next("ack");
      await until(() => client.of("ack").length === 3);
      const refused = client.of("error").length;
      await until(() => {
        client.send({ type: "message", room: "r", message: "x", nonce: "again" });
        return client.of("ack").some((ack) => ack.nonce === "again");
      });
      t.ok(client.of("error").length >= refused);
    },
  );

  await t.test("F7 a flooder at 100 times its limit is closed with 3013", async (t) => {
    const edge = await edgeFor(t, nats, { SEND_LIMIT: "5/1s" });
    const client = await full(t, edge, "a", [{ room: "flood" }]);
    const timer = setInterval(() => {
      for (let i = 0; i < 10; i++)
        if (client.ws.readyState === 1) client.send({ type: "message", room: "flood", message: "x", nonce: `${i}` });
    }, 20);
    t.teardown(() => clearInterval(timer));
    t.equal((await client.closing()).code, 3013);

    const nonsense = await full(t, edge, "b");
    for (let i = 0; i < 500; i++) nonsense.send("{");
    t.equal((await nonsense.closing()).code, 3013, "and so is one that only sends nonsense");
  });

  await t.test("joins of a connection", async (t) => {
    const edge = await edgeFor(t, nats, { JOIN_LIMIT: "3/60s" });
    const client = await full(t, edge, "a", [{ room: "r1" }, { room: "r2" }]);
    client.send({ type: "join", room: "r3" });
    client.send({ type: "join", room: "r4" });
    t.match(await client.next("error"), { code: "rate_limited", room: "r4" });
    await until(() => client.of("joined").length === 3);
  });

  await t.test("F5 rooms of a connection, as its welcome says", async (t) => {
    const edge = await edgeFor(t, nats, { ROOMS_PER_CONNECTION: "2" });
    const client = await full(t, edge, "a", [{ room: "r1" }, { room: "r2" }, { room: "r3" }]);
    t.equal((await client.next("welcome")).limits.rooms, 2);
    t.match(await client.next("error"), { code: "too_many_rooms", room: "r3" });
  });

  await t.test("connections of an address, and when one leaves there is room again", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "2", TRUST_PROXY: "1" });
    const from = (address: string) =>
      knock(t, edge.port, "/ws", { full: true, headers: { "x-forwarded-for": address } });
    const first = await from("192.0.2.1");
    t.equal((await from("192.0.2.1")).refusedWith, undefined);
    t.equal((await from("192.0.2.1")).refusedWith, 429);
    t.equal((await from("192.0.2.1, 192.0.2.2")).refusedWith, undefined, "only what the proxy itself says is believed");
    t.equal((await from("192.0.2.2, 192.0.2.1")).refusedWith, 429);
    for (const host of ["1", "2"]) t.equal((await from(`2001:db8::${host}`)).refusedWith, undefined);
    for (const address of ["2001:db8::3", "[2001:db8::4]", "[2001:db8::5]:443"])
      t.equal((await from(address)).refusedWith, 429, "an IPv6 /64 is one address");
    t.equal((await from("192.0.2.1:1024")).refusedWith, 429, "whatever the port");
    first.ws.close();
    await until(async () => (await from("192.0.2.1")).refusedWith === undefined);
  });

  await t.test("without TRUST_PROXY nobody says where they come from", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "1" });
    const from = (address: string) =>
      knock(t, edge.port, "/ws", { full: true, headers: { "x-forwarded-for": address } });
    t.equal((await from("192.0.2.1")).refusedWith, undefined);
    t.equal((await from("192.0.2.2")).refusedWith, 429);
  });

  await t.test("F7 connections and sends of a user, however connected", async (t) => {
    const edge = await edgeFor(t, nats, { ...JWT_ENV, CONNECTIONS_PER_USER: "2", SEND_LIMIT_USER: "3/60s" });
    const rooms = [{ name: "r", can: ["read", "write"] as const }];
    const jwt = await token({ sub: "u1", rooms });
    const open = async (sub: string) => {
      const client = await knock(t, edge.port, "/ws", { full: true });
      client.send({ type: "hello", token: await token({ sub, rooms }), join: [{ room: "r" }] });
      return client;
    };
    const [a, b] = [await open("u1"), await open("u1")];
    await Promise.all([a.next("joined"), b.next("joined")]);
    t.equal((await (await open("u1")).closing()).code, 3504);
    const other = await open("u2");
    await other.next("joined");
    a.send({ type: "message", room: "r", message: "x", nonce: "1" });
    b.send({ type: "message", room: "r", message: "x", nonce: "2" });
    await Promise.all([a.next("ack"), b.next("ack")]);
    const post = () =>
      fetch(`http://127.0.0.1:${edge.port}/v1/rooms/r/messages`, {
        method: "POST",
        headers: { "content-type": "application/json", ...bearer(jwt) },
        body: '{"message":"x"}',
      });
    t.equal((await post()).status, 201);
    const refused = await post();
    t.equal(refused.status, 429);
    t.ok(Number(refused.headers.get("retry-after")) > 0);
    a.send({ type: "message", room: "r", message: "x", nonce: "3" });
    t.match(await a.next("error"), { code: "rate_limited", nonce: "3" });
    other.send({ type: "message", room: "r", message: "x", nonce: "4" });
    await other.next("ack");
    b.ws.close();
    await until(async () => {
      const again = await open("u1");
      await until(() => again.closed !== undefined || again.of("welcome").length > 0);
      return again.closed === undefined;
    });
  });

  await t.test("HTTP: RateLimit headers, then 429 with Retry-After, as a problem", async (t) => {
    const edge = await edgeFor(t, nats, { HISTORY_LIMIT: "2/60s", SEND_LIMIT: "1/60s" });
    const get = () => fetch(`http://127.0.0.1:${edge.port}/v1/rooms`);
    const first = await get();
    t.equal(first.status, 503, "there is no persistence here");
    t.equal(first.headers.get("ratelimit-limit"), "2");
    t.equal(first.headers.get("ratelimit-remaining"), "1");
    await get();
    const refused = await get();
    t.equal(refused.status, 429);
    t.match(refused.headers.get("content-type"), /^application\/problem\+json/);
    const retryAfter = Number(refused.headers.get("retry-after"));
    t.ok(retryAfter > 0 && retryAfter <= 60);
    t.match(await refused.json(), { code: "rate_limited", status: 429 });
    const post = () =>
      fetch(`http://127.0.0.1:${edge.port}/v1/rooms/r/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"message":"x"}',
      });
    t.equal((await post()).status, 201, "sending is counted by itself");
    t.equal((await post()).status, 429);
    const docs = async () => (await fetch(`http://127.0.0.1:${edge.port}/docs/`)).status;
    t.same(
      [await docs(), await docs(), await docs()],
      [503, 503, 429],
      "nothing is asked of persistence without a limit",
    );
  });

  await t.test("a handshake that does not come in time, or is too large, ends; the service goes on", async (t) => {
    const edge = await edgeFor(t, nats, { REQUEST_LIMIT_MS: "1000", HEADER_MAX_BYTES: "2048" });
    const dribble = async (first: string, more: string) => {
      const socket = connect(edge.port, "127.0.0.1");
      t.teardown(() => socket.destroy());
      let answer = "";
      socket.on("data", (data) => {
        answer += data.toString("latin1");
      });
      socket.on("error", () => {});
      const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
      socket.write(first);
      const timer = setInterval(() => socket.writable && more && socket.write(more), 100);
      await closed;
      clearInterval(timer);
      return answer;
    };
    const slow = await Promise.all([
      dribble("GET /ws HTTP/1.1\r\nHost: a\r\n", "X-Slow: 1\r\n"),
      dribble("", ""),
      dribble(
        "POST /v1/rooms/r/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
        "x",
      ),
    ]);
    t.match(slow[0], /408/);
    t.match(await dribble(`GET /ws HTTP/1.1\r\nHost: a\r\nX-Large: ${"x".repeat(4096)}\r\n\r\n`, ""), /431/);
    t.equal((await fetch(`http://127.0.0.1:${edge.port}/livez`)).status, 200);
  });

  await t.test("who was reset before anybody asked for the address is no mistake of ours", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "5", HISTORY_LIMIT: "5/60s" });
    // As the system answers it then; how fast a real one is cannot be timed.
    const forget = ({ socket }: IncomingMessage) =>
      Object.defineProperty(socket, "remoteAddress", { value: undefined });
    edge.app.server.prependListener("upgrade", forget).prependListener("request", forget);
    t.equal((await full(t, edge, "u")).of("welcome").length, 1);
    t.equal((await fetch(`http://127.0.0.1:${edge.port}/`)).status, 200);
  });

  await t.test("F6 a frame or a body that is too large", async (t) => {
    const edge = await edgeFor(t, nats, { FRAME_MAX_BYTES: "2048" });
    const client = await full(t, edge, "a");
    t.equal((await client.next("welcome")).limits.frame, 2048);
    client.send(`"${"x".repeat(3000)}"`);
    t.equal((await client.closing()).code, 1009);
    const answer = await fetch(`http://127.0.0.1:${edge.port}/v1/rooms/r/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: "x".repeat(3000) }),
    });
    t.equal(answer.status, 413);
  });
});
