import { once } from "node:events";
import { request } from "node:http";
import t from "tap";
import { bearer, cookie, JWT_ENV, knock, token } from "./auth-support.ts";
import { edgeFor, natsFor, said, until } from "./support.ts";

const rooms = (...can: ("read" | "write" | "moderate")[]) => [{ name: "hall", can }];

t.test("AUTH=jwt", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats, JWT_ENV);
  const { port } = edge;
  const url = `http://127.0.0.1:${port}`;

  await t.test("F7 a token that is not valid yet is a temporary failure: the client may return", async (t) => {
    const client = await knock(t, port, "/ws", { full: true });
    client.send({ type: "hello", token: await token({ nbf: Math.floor(Date.now() / 1000) + 60 }) });
    t.match(await client.next("error"), { code: "token_not_valid_yet", temporary: true, retryAfter: Number });
    t.equal((await client.closing()).code, 1012);
  });

  await t.test("F1 the token in hello says who that is; a nickname counts for nothing", async (t) => {
    const client = await knock(t, port, "/ws", { full: true });
    const jwt = await token({ sub: "u-1", name: "민수", rooms: rooms("read", "write") });
    // Sent in one go: what follows the hello waits for it.
    client.send({ type: "hello", user: "root", token: jwt });
    client.send({ type: "join", room: "hall" });
    client.send({ type: "message", room: "hall", message: "hi", nonce: "1" });
    t.equal((await client.next("welcome")).user, "민수");
    await client.next("ack");
    await client.next("joined");
    await said(client, "hall", "hi", "2");
    t.match(await client.next("message", ({ nonce }) => nonce === "2"), { user: "민수", userId: "u-1", message: "hi" });
    t.same(client.of("error"), []);
  });

  await t.test(
    "F1 a header or a cookie at the handshake does as well, and the hello's token comes first",
    async (t) => {
      for (const headers of [bearer(await token({ name: "a" })), cookie(await token({ name: "a" }))]) {
        const client = await knock(t, port, "/ws", { full: true, headers });
        client.send({ type: "hello" });
        t.equal((await client.next("welcome")).user, "a");
        const other = await knock(t, port, "/ws", { full: true, headers });
        other.send({ type: "hello", token: await token({ name: "b" }) });
        t.equal((await other.next("welcome")).user, "b");
      }
    },
  );

  await t.test("F7 without a token 3500, with an invalid one 3500, with an expired one 3005", async (t) => {
    const expired = await token({}, -60);
    const cases: [hello: object, headers: Record<string, string>, code: number][] = [
      [{}, {}, 3500],
      [{ token: "rubbish" }, {}, 3500],
      [{ token: expired }, {}, 3005],
      [{}, bearer("rubbish"), 3500],
      [{ token: expired }, bearer(await token()), 3005],
    ];
    for (const [hello, headers, code] of cases) {
      const client = await knock(t, port, "/ws", { full: true, headers });
      client.send({ type: "hello", ...hello, join: [{ room: "hall" }] });
      client.send({ type: "message", room: "hall", message: "x", nonce: "x" });
      t.equal((await client.closing()).code, code);
      t.match(client.of("error"), [{ code: "unauthorized" }]);
      t.same(client.of("welcome"), []);
    }
  });

  await t.test("a 401 says how one proves who one is, whatever was asked for", async (t) => {
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

  await t.test("P1 a plain client says who it is at the handshake, or is refused with 401", async (t) => {
    const good = await token({ sub: "u-2", name: "지우", rooms: rooms("read", "write") });
    t.equal((await knock(t, port, "/ws/chat/hall/")).refusedWith, 401);
    t.equal((await knock(t, port, "/ws/chat/hall/", { headers: bearer("x") })).refusedWith, 401);
    t.equal((await knock(t, port, `/ws/chat/hall/?token=${good}`)).refusedWith, 401, "never by the URL");
    for (const headers of [bearer(good), cookie(good)]) {
      const client = await knock(t, port, "/ws/chat/hall/", { headers });
      await until(() => [...edge.sessions.all].every((c) => [...c.members.values()].every((m) => m.room.feed.opened)));
      client.send({ message: "안녕", user: "somebody else" });
      t.match(await client.next("message"), { user: "지우", userId: "u-2", message: "안녕" });
    }
  });

  await t.test("F7 a plain client that may not read its room is told so and closed with 3507", async (t) => {
    const headers = bearer(await token({ sub: "u-2", rooms: rooms("read", "write") }));
    for (const query of ["", "?after=x.1", "?after=nonsense"]) {
      const client = await knock(t, port, `/ws/chat/elsewhere/${query}`, { headers });
      t.match(await client.closing(), { code: 3507, reason: "not allowed" });
      t.match(client.of("error").at(-1), { code: "not_allowed" });
    }
  });

  await t.test("F5 refresh: the same person's new token prolongs, and may take rooms away", async (t) => {
    const client = await knock(t, port, "/ws", { full: true });
    client.send({ type: "hello", token: await token({ rooms: rooms("read", "write") }, 0), join: [{ room: "hall" }] });
    await client.next("joined");
    client.send({ type: "refresh", token: await token({ name: "new name", rooms: rooms("read") }) });
    await client.next("welcome", ({ user }) => user === "new name");
    client.send({ type: "message", room: "hall", message: "x", nonce: "no" });
    t.match(await client.next("error"), { code: "not_allowed", nonce: "no" });
    // The first token would have ended this by now: it was good for its leeway only.
    await new Promise((resolve) => setTimeout(resolve, 6500));
    t.equal(client.closed, undefined);
    client.send({ type: "refresh", token: await token({ rooms: [] }) });
    await client.next("left", ({ room }) => room === "hall");
    await client.next("error", ({ code, room }) => code === "not_allowed" && room === "hall");
  });

  await t.test("F5 somebody else's token, and an invalid one, close 3500, an expired one 3005", async (t) => {
    const cases = [
      [await token({ sub: "other" }), 3500],
      ["rubbish", 3500],
      [await token({}, -60), 3005],
    ] as const;
    for (const [next, code] of cases) {
      const client = await knock(t, port, "/ws", { full: true });
      client.send({ type: "hello", token: await token() });
      await client.next("welcome");
      client.send({ type: "refresh", token: next });
      t.equal((await client.closing()).code, code);
    }
  });

  await t.test("F7 a connection ends with its token", async (t) => {
    const client = await knock(t, port, "/ws", { full: true });
    client.send({ type: "hello", token: await token({ rooms: rooms("read", "write") }, -2), join: [{ room: "hall" }] });
    await said(client, "hall", "while it lasts");
    t.equal((await client.closing()).code, 3005);
  });

  await t.test("over HTTP: 401 says how to come in, and the sender's id makes a message one", async (t) => {
    const path = `${url}/v1/rooms/hall/messages`;
    const post = (headers: Record<string, string>) =>
      fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "k", ...headers },
        body: '{"message":"by bot","user":"a name that counts for nothing"}',
      });
    const refused = await post({});
    t.equal(refused.status, 401);
    t.equal(refused.headers.get("www-authenticate"), "Bearer");
    t.match(await refused.json(), { code: "unauthorized" });
    t.match((await post(bearer("rubbish"))).headers.get("www-authenticate"), /invalid_token/);
    const first = await post(bearer(await token({ sub: "bot", name: "Bot", rooms: rooms("write") })));
    t.equal(first.status, 201);
    const again = await post(bearer(await token({ sub: "bot", name: "Bot, renamed", rooms: rooms("write") })));
    t.equal(again.status, 200);
    const other = await post(bearer(await token({ sub: "bot 2", name: "Bot", rooms: rooms("write") })));
    t.equal(other.status, 201, "the same name and key, another person");
  });

  await t.test("a session: the page's cookie cannot be read by scripts, nor set by foreign pages", async (t) => {
    const session = (method: string, headers: Record<string, string>, body?: string) =>
      fetch(`${url}/session`, { method, headers, ...(body === undefined ? {} : { body }) });
    const json = { "content-type": "application/json" };
    const jwt = await token({ name: "민수" });
    const body = JSON.stringify({ token: jwt });
    const made = await session("POST", json, body);
    t.equal(made.status, 204);
    t.match(made.headers.get("set-cookie"), /^madang_token=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    const page = await fetch(`${url}/`, { headers: cookie(jwt) });
    t.equal(page.status, 200);
    t.match(await page.text(), "<bdi>민수</bdi>");
    t.equal((await fetch(`${url}/`)).status, 401, "no page without a token");
    t.equal((await session("POST", { ...json, origin: "https://evil.example" }, body)).status, 403);
    t.equal((await session("POST", { "content-type": "text/plain" }, body)).status, 415, "no form can do it");
    t.equal((await session("POST", json, '{"token":"rubbish"}')).status, 401);
    t.match((await session("DELETE", {})).headers.get("set-cookie"), /^madang_token=; .*Max-Age=0/);
    t.equal((await session("DELETE", { origin: "https://evil.example" })).status, 403);
  });

  await t.test("a cookie from a foreign page counts for nothing", async (t) => {
    const foreign = await edgeFor(t, nats, { ...JWT_ENV, ALLOWED_ORIGINS: "*, https://friend.example" });
    const jwt = await token({ rooms: rooms("read", "write") });
    const open = async (origin: string, headers: Record<string, string>) =>
      (await knock(t, foreign.port, "/ws/chat/hall/", { headers: { origin, ...headers } })).refusedWith;
    t.equal(await open("https://evil.example", cookie(jwt)), 401);
    t.equal(await open("https://evil.example", bearer(jwt)), undefined);
    t.equal(await open("https://friend.example", cookie(jwt)), undefined);
    t.equal(await open(`http://127.0.0.1:${foreign.port}`, cookie(jwt)), undefined);
  });
});

t.test("AUTH=none: tokens count for nothing, there is nothing to refresh and no session", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = await knock(t, edge.port, "/ws", { full: true, headers: bearer("rubbish") });
  client.send({ type: "hello", user: "a", token: "rubbish", join: [{ room: "hall" }] });
  await client.next("welcome");
  await client.next("joined");
  await said(client, "hall", "hi");
  t.notHas(await client.next("message"), { userId: String });
  client.send({ type: "refresh", token: "x" });
  t.match(await client.next("error"), { code: "not_allowed" });
  t.equal((await fetch(`http://127.0.0.1:${edge.port}/session`, { method: "POST" })).status, 404);
});
