import type { IncomingMessage } from "node:http";
import { bearer, eventually, full, HttpClient, JWT_ENV, natsFor, rawSocket, token } from "@madang/test-kit";
import t from "tap";
import { parseCount, parseRate } from "../src/access/limit-syntax.ts";
import { edgeConfig } from "../src/config.ts";
import { edgeFor } from "./support.ts";

t.test("a limit is a count per period, or off", async (t) => {
  t.same(parseRate("X", "120/60s"), { count: 120, windowMs: 60_000 });
  t.same(parseRate("X", "5/1m"), { count: 5, windowMs: 60_000 });
  t.equal(parseRate("X", "off"), undefined);
  t.equal(parseCount("X", "off"), Number.POSITIVE_INFINITY);
  for (const bad of ["", "120", "0/60s", "120/0s", "-1/60s", "120/60", "120/60s ", "1e3/60s", "OFF"]) {
    t.throws(() => parseRate("SEND_LIMIT", bad), { name: "ConfigError", message: /SEND_LIMIT.*120\/60s, or off/ }, bad);
  }
  for (const bad of ["", "0", "-1", "1.5", "many"]) t.throws(() => parseCount("X", bad), { name: "ConfigError" });
});

t.test("limits are off while only this machine can connect, and on otherwise", async (t) => {
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
    "sends over the limit get rate_limited with nonce and retryAfter; other clients are not delayed",
    async (t) => {
      const edge = await edgeFor(t, nats, { SEND_LIMIT: "3/1s" });
      const [client, other] = [await full(t, edge, "a", ["r"]), await full(t, edge, "b", ["r"])];
      for (let i = 0; i < 5; i++) client.post("r", "x", `${i}`);
      await eventually(() => client.of("error").length === 2);
      t.match(client.of("error"), [{ code: "rate_limited", temporary: true, nonce: "3" }, { nonce: "4" }]);
      const { retryAfter } = client.of("error")[0];
      t.ok(retryAfter > 0 && retryAfter <= 0.34, `${retryAfter}`);
      await other.say("r", "x", "b");
      await eventually(() => client.of("ack").length === 3);
      const refused = client.of("error").length;
      await eventually(() => {
        client.post("r", "x", "again");
        return client.of("ack").some((ack) => ack.nonce === "again");
      });
      t.ok(client.of("error").length >= refused);
    },
  );

  await t.test("F7 a flooder at 100 times its limit is closed with 3013", async (t) => {
    const edge = await edgeFor(t, nats, { SEND_LIMIT: "5/1s" });
    const client = await full(t, edge, "a", ["flood"]);
    const timer = setInterval(() => {
      for (let i = 0; i < 10; i++) if (client.ws.readyState === 1) client.post("flood", "x", `${i}`);
    }, 20);
    t.teardown(() => clearInterval(timer));
    t.equal((await client.closing()).code, 3013);

    const nonsense = await full(t, edge, "b");
    for (let i = 0; i < 500; i++) nonsense.send("{");
    t.equal((await nonsense.closing()).code, 3013, "a client that sends only invalid frames, too");
  });

  await t.test("joins of a connection are limited", async (t) => {
    const edge = await edgeFor(t, nats, { JOIN_LIMIT: "3/60s" });
    const client = await full(t, edge, "a", ["r1", "r2"]);
    client.join("r3");
    client.join("r4");
    t.match(await client.next("error"), { code: "rate_limited", room: "r4" });
    await eventually(() => client.of("joined").length === 3);
  });

  await t.test("F5 the rooms of a connection are limited as its welcome says", async (t) => {
    const edge = await edgeFor(t, nats, { ROOMS_PER_CONNECTION: "2" });
    const client = await full(t, edge, "a", ["r1", "r2", "r3"]);
    t.equal((await client.next("welcome")).limits.rooms, 2);
    t.match(await client.next("error"), { code: "too_many_rooms", room: "r3" });
  });

  await t.test("connections of an address are limited, and one that closes makes room", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "2", TRUST_PROXY: "1" });
    const from = (address: string) => full(t, edge, { headers: { "x-forwarded-for": address } });
    const first = await from("192.0.2.1");
    t.equal((await from("192.0.2.1")).refusedWith, undefined);
    t.equal((await from("192.0.2.1")).refusedWith, 429);
    t.equal(
      (await from("192.0.2.1, 192.0.2.2")).refusedWith,
      undefined,
      "only the address that the proxy itself added counts",
    );
    t.equal((await from("192.0.2.2, 192.0.2.1")).refusedWith, 429);
    for (const host of ["1", "2"]) t.equal((await from(`2001:db8::${host}`)).refusedWith, undefined);
    for (const address of ["2001:db8::3", "[2001:db8::4]", "[2001:db8::5]:443"])
      t.equal((await from(address)).refusedWith, 429, "an IPv6 /64 is one address");
    t.equal((await from("192.0.2.1:1024")).refusedWith, 429, "whatever the port");
    first.ws.close();
    await eventually(async () => (await from("192.0.2.1")).refusedWith === undefined);
  });

  await t.test("without TRUST_PROXY the header has no effect", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "1" });
    const from = (address: string) => full(t, edge, { headers: { "x-forwarded-for": address } });
    t.equal((await from("192.0.2.1")).refusedWith, undefined);
    t.equal((await from("192.0.2.2")).refusedWith, 429);
  });

  await t.test("F7 the connections and sends of a user are limited over all connections", async (t) => {
    const edge = await edgeFor(t, nats, { ...JWT_ENV, CONNECTIONS_PER_USER: "2", SEND_LIMIT_USER: "3/60s" });
    const rooms = [{ name: "r", can: ["read", "write"] as const }];
    const open = async (sub: string) => full(t, edge, { token: await token({ sub, rooms }) }, ["r"]);
    const [a, b] = [await open("u1"), await open("u1")];
    await Promise.all([a.next("joined"), b.next("joined")]);
    t.equal((await (await open("u1")).closing()).code, 3504);
    const other = await open("u2");
    await other.next("joined");
    await Promise.all([a.say("r", "x", "1"), b.say("r", "x", "2")]);
    const http = new HttpClient(edge, bearer(await token({ sub: "u1", rooms })));
    t.equal((await http.post("r", "x")).status, 201);
    const refused = await http.post("r", "x");
    t.equal(refused.status, 429);
    t.ok(Number(refused.headers.get("retry-after")) > 0);
    a.post("r", "x", "3");
    t.match(await a.next("error"), { code: "rate_limited", nonce: "3" });
    await other.say("r", "x", "4");
    b.ws.close();
    await eventually(async () => (await open("u1")).closed === undefined);
  });

  await t.test("HTTP answers carry RateLimit headers, and a refused request gets 429 with Retry-After", async (t) => {
    const edge = await edgeFor(t, nats, { HISTORY_LIMIT: "2/60s", SEND_LIMIT: "1/60s" });
    const http = new HttpClient(edge);
    const get = () => http.get("/v1/rooms");
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
    t.match(refused.body, { code: "rate_limited", status: 429 });
    t.equal((await http.post("r", "x")).status, 201, "sends are counted separately");
    t.equal((await http.post("r", "x")).status, 429);
    const docs = async () => (await http.get("/docs/")).status;
    t.same([await docs(), await docs(), await docs()], [503, 503, 429], "all requests to persistence are limited");
  });

  await t.test("a handshake that is too slow or too large ends, and the edge keeps serving", async (t) => {
    const edge = await edgeFor(t, nats, { REQUEST_LIMIT_MS: "1000", HEADER_MAX_BYTES: "2048" });
    const dribble = async (first: string, more: string) => {
      const { socket, ended } = await rawSocket(t, edge);
      socket.write(first);
      const timer = setInterval(() => socket.writable && more && socket.write(more), 100);
      const answer = await ended;
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
    t.equal((await new HttpClient(edge).get("/livez")).status, 200);
  });

  await t.test("a connection that was reset before its address was read is no internal error", async (t) => {
    const edge = await edgeFor(t, nats, { CONNECTIONS_PER_ADDRESS: "5", HISTORY_LIMIT: "5/60s" });
    // The system then knows no address. A real reset cannot be timed.
    const forget = ({ socket }: IncomingMessage) =>
      Object.defineProperty(socket, "remoteAddress", { value: undefined });
    edge.app.server.prependListener("upgrade", forget).prependListener("request", forget);
    t.equal((await full(t, edge, "u")).of("welcome").length, 1);
    t.equal((await new HttpClient(edge).get("/")).status, 200);
  });

  await t.test("F6 a frame that is too large closes 1009, and a body that is too large gets 413", async (t) => {
    const edge = await edgeFor(t, nats, { FRAME_MAX_BYTES: "2048" });
    const client = await full(t, edge, "a");
    t.equal((await client.next("welcome")).limits.frame, 2048);
    client.send(`"${"x".repeat(3000)}"`);
    t.equal((await client.closing()).code, 1009);
    t.equal((await new HttpClient(edge).post("r", "x".repeat(3000))).status, 413);
  });
});
