import { once } from "node:events";
import { request } from "node:http";
import { bearer, connect, cookie, full, HttpClient, JWT_ENV, natsFor, token } from "@madang/test-kit";
import t from "tap";
import { edgeFor, roomsOpen } from "./support.ts";

const rooms = (...can: ("read" | "write" | "moderate")[]) => [{ name: "hall", can }];

t.test("AUTH=jwt", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats, JWT_ENV);
  const { port } = edge;
  const http = new HttpClient(edge);

  await t.test("F7 a token that is not valid yet is a temporary failure: the client may return", async (t) => {
    const client = await full(t, edge, { token: await token({ nbf: Math.floor(Date.now() / 1000) + 60 }) });
    t.match(await client.next("error"), { code: "token_not_valid_yet", temporary: true, retryAfter: Number });
    t.equal((await client.closing()).code, 1012);
  });

  await t.test("F1 the token in hello is the identity; a nickname has no effect", async (t) => {
    const client = await full(t, edge);
    const jwt = await token({ sub: "u-1", name: "민수", rooms: rooms("read", "write") });
    // Frames behind the hello wait for it.
    client.send({ type: "hello", user: "root", token: jwt });
    client.join("hall");
    client.post("hall", "hi", "1");
    t.equal((await client.next("welcome")).user, "민수");
    await client.next("ack");
    await client.next("joined");
    await client.say("hall", "hi", "2");
    t.match(await client.next("message", { nonce: "2" }), { user: "민수", userId: "u-1", message: "hi" });
    t.same(client.of("error"), []);
  });

  await t.test(
    "F1 a header or a cookie of the handshake is accepted too, and the hello's token has precedence",
    async (t) => {
      for (const headers of [bearer(await token({ name: "a" })), cookie(await token({ name: "a" }))]) {
        const client = await full(t, edge, { headers });
        t.equal((await client.next("welcome")).user, "a");
        const other = await full(t, edge, { headers, token: await token({ name: "b" }) });
        t.equal((await other.next("welcome")).user, "b");
      }
    },
  );

  await t.test("F7 a missing or invalid token closes 3500, an expired one 3005", async (t) => {
    const expired = await token({}, -60);
    const cases: [hello: object, headers: Record<string, string>, code: number][] = [
      [{}, {}, 3500],
      [{ token: "rubbish" }, {}, 3500],
      [{ token: expired }, {}, 3005],
      [{}, bearer("rubbish"), 3500],
      [{ token: expired }, bearer(await token()), 3005],
    ];
    for (const [hello, headers, code] of cases) {
      const client = await connect(t, edge, "/ws", { full: true, headers });
      client.send({ type: "hello", ...hello, join: [{ room: "hall" }] });
      client.post("hall", "x");
      t.equal((await client.closing()).code, code);
      t.match(client.of("error"), [{ code: "unauthorized" }]);
      t.same(client.of("welcome"), []);
    }
  });

  await t.test("every 401 names the authentication scheme", async (t) => {
    const handshake = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
    const toJoin = { ...handshake, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const invalid = 'Bearer error="invalid_token"';
    for (const [method, path, headers, challenge] of [
      ["GET", "/ws/chat/hall/", toJoin, "Bearer"],
      ["GET", "/ws/chat/hall/", { ...toJoin, ...bearer("x") }, invalid],
      ["GET", "/ws/chat/hall/", { ...toJoin, ...cookie(await token({}, -60)) }, invalid],
      ["GET", "/", {}, "Bearer"],
      ["GET", "/chat/hall/n/", cookie("x"), invalid],
      ["GET", "/v1/rooms", {}, "Bearer"],
      ["GET", "/v1/rooms", bearer("x"), invalid],
      ["POST", "/session", { "content-type": "application/json" }, invalid],
    ] as const) {
      const [response] = await once(
        request({ port, method, path, headers }).end(method === "POST" ? '{"token":"x"}' : undefined),
        "response",
      );
      response.resume();
      t.same([response.statusCode, response.headers["www-authenticate"]], [401, challenge], path);
    }
  });

  await t.test("P1 a plain client authenticates in its handshake, or is refused with 401", async (t) => {
    const good = await token({ sub: "u-2", name: "지우", rooms: rooms("read", "write") });
    t.equal((await connect(t, edge, "/ws/chat/hall/")).refusedWith, 401);
    t.equal((await connect(t, edge, "/ws/chat/hall/", { headers: bearer("x") })).refusedWith, 401);
    t.equal((await connect(t, edge, `/ws/chat/hall/?token=${good}`)).refusedWith, 401, "never by the URL");
    for (const headers of [bearer(good), cookie(good)]) {
      const client = await connect(t, edge, "/ws/chat/hall/", { headers });
      await roomsOpen(edge);
      client.send({ message: "안녕", user: "somebody else" });
      t.match(await client.next("message"), { user: "지우", userId: "u-2", message: "안녕" });
    }
  });

  await t.test("F7 a plain client that may not read its room gets an error and is closed with 3507", async (t) => {
    const headers = bearer(await token({ sub: "u-2", rooms: rooms("read", "write") }));
    for (const query of ["", "?after=x.1", "?after=nonsense"]) {
      const client = await connect(t, edge, `/ws/chat/elsewhere/${query}`, { headers });
      t.match(await client.closing(), { code: 3507, reason: "not allowed" });
      t.match(client.of("error").at(-1), { code: "not_allowed" });
    }
  });

  await t.test("F5 a new token of the same user prolongs the connection, and may remove rooms from it", async (t) => {
    const client = await full(t, edge, { token: await token({ rooms: rooms("read", "write") }, 0) }, ["hall"]);
    await client.next("joined");
    client.send({ type: "refresh", token: await token({ name: "new name", rooms: rooms("read") }) });
    await client.next("welcome", { user: "new name" });
    client.post("hall", "x", "no");
    t.match(await client.next("error"), { code: "not_allowed", nonce: "no" });
    // The first token would have ended this by now: it was good for its leeway only.
    await new Promise((resolve) => setTimeout(resolve, 6500));
    t.equal(client.closed, undefined);
    client.send({ type: "refresh", token: await token({ rooms: [] }) });
    await client.next("left", { room: "hall" });
    await client.next("error", ({ code, room }) => code === "not_allowed" && room === "hall");
  });

  await t.test(
    "F5 a refresh with another user's or an invalid token closes 3500, with an expired one 3005",
    async (t) => {
      const cases = [
        [await token({ sub: "other" }), 3500],
        ["rubbish", 3500],
        [await token({}, -60), 3005],
      ] as const;
      for (const [next, code] of cases) {
        const client = await full(t, edge, { token: await token() });
        client.send({ type: "refresh", token: next });
        t.equal((await client.closing()).code, code);
      }
    },
  );

  await t.test("F7 a connection ends when its token expires", async (t) => {
    const client = await full(t, edge, { token: await token({ rooms: rooms("read", "write") }, -2) }, ["hall"]);
    await client.say("hall", "while it lasts");
    t.equal((await client.closing()).code, 3005);
  });

  await t.test("over HTTP the token is needed, and its user id makes repeated messages one", async (t) => {
    const post = (headers: Record<string, string>) =>
      http.post("hall", { message: "by bot", user: "no effect" }, { "idempotency-key": "k", ...headers });
    const write = async (sub: string, name: string) =>
      (await post(bearer(await token({ sub, name, rooms: rooms("write") })))).status;
    const refused = await post({});
    t.match(refused, { status: 401, body: { code: "unauthorized" } });
    t.equal(refused.headers.get("www-authenticate"), "Bearer");
    t.match((await post(bearer("rubbish"))).headers.get("www-authenticate"), /invalid_token/);
    t.equal(await write("bot", "Bot"), 201);
    t.equal(await write("bot", "Bot, renamed"), 200);
    t.equal(await write("bot 2", "Bot"), 201, "the same name and key of another user");
  });

  await t.test("the cookie of a session cannot be read by scripts, nor set by foreign pages", async (t) => {
    const session = (method: string, headers: Record<string, string>, body?: string) =>
      http.request(method, "/session", headers, body);
    const json = { "content-type": "application/json" };
    const jwt = await token({ name: "민수" });
    const body = JSON.stringify({ token: jwt });
    const made = await session("POST", json, body);
    t.equal(made.status, 204);
    t.match(made.headers.get("set-cookie"), /^madang_token=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    t.match(await http.get("/", cookie(jwt)), { status: 200, text: /<bdi>민수<\/bdi>/ });
    t.equal((await http.get("/")).status, 401, "no page without a token");
    t.equal((await session("POST", { ...json, origin: "https://evil.example" }, body)).status, 403);
    t.equal(
      (await session("POST", { "content-type": "text/plain" }, body)).status,
      415,
      "a form of a foreign page cannot set it",
    );
    t.equal((await session("POST", json, '{"token":"rubbish"}')).status, 401);
    t.match((await session("DELETE", {})).headers.get("set-cookie"), /^madang_token=; .*Max-Age=0/);
    t.equal((await session("DELETE", { origin: "https://evil.example" })).status, 403);
  });

  await t.test("a cookie in a request of a foreign page has no effect", async (t) => {
    const foreign = await edgeFor(t, nats, { ...JWT_ENV, ALLOWED_ORIGINS: "*, https://friend.example" });
    const jwt = await token({ rooms: rooms("read", "write") });
    const open = async (origin: string, headers: Record<string, string>) =>
      (await connect(t, foreign, "/ws/chat/hall/", { headers: { origin, ...headers } })).refusedWith;
    t.equal(await open("https://evil.example", cookie(jwt)), 401);
    t.equal(await open("https://evil.example", bearer(jwt)), undefined);
    t.equal(await open("https://friend.example", cookie(jwt)), undefined);
    t.equal(await open(`http://127.0.0.1:${foreign.port}`, cookie(jwt)), undefined);
  });
});

t.test("with AUTH=none tokens have no effect, refresh is refused, and there is no session", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = await full(t, edge, { user: "a", token: "rubbish", headers: bearer("rubbish") }, ["hall"]);
  await client.next("joined");
  await client.say("hall", "hi");
  t.notHas(await client.next("message"), { userId: String });
  client.send({ type: "refresh", token: "x" });
  t.match(await client.next("error"), { code: "not_allowed" });
  t.equal((await new HttpClient(edge).request("POST", "/session")).status, 404);
});
