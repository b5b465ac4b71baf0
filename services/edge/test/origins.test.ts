import { pino } from "pino";
import t from "tap";
import { Origins } from "../src/access/origins.ts";
import { edgeConfig } from "../src/config.ts";
import { knock } from "./auth-support.ts";
import { edgeFor, natsFor } from "./support.ts";

t.test("a list of origins is taken as it is, or refused at start", async (t) => {
  for (const list of [
    "",
    "*",
    "https://a.example",
    "https://a.example, http://b.example:8080",
    "https://a.example,*",
  ]) {
    t.ok(new Origins(list));
  }
  for (const list of ["a.example", "https://a.example/", "https://a.example/path", "https://*.example", "null"]) {
    t.throws(() => edgeConfig({ ALLOWED_ORIGINS: list }), { name: "ConfigError", message: /ALLOWED_ORIGINS/ }, list);
  }
});

t.test("the same host, those that are named, and whoever is no browser", async (t) => {
  const asks = (origin: string | undefined, host = "chat.example") => ({ headers: { origin, host } });
  const named = new Origins("https://friend.example");
  const cases: [origin: string | undefined, allowed: boolean][] = [
    [undefined, true],
    ["https://chat.example", true],
    ["http://chat.example", true],
    ["https://friend.example", true],
    ["http://friend.example", false],
    ["https://friend.example:8443", false],
    ["https://chat.example:8443", false],
    ["https://chat.example:443", true],
    ["https://chat.example.evil.example", false],
    ["https://evilchat.example", false],
    ["https://evil.example/?chat.example", false],
    ["null", false],
    ["", false],
  ];
  for (const [origin, allowed] of cases) t.equal(named.allow(asks(origin)), allowed, `${origin}`);
  t.ok(named.allow(asks("http://CHAT.example:8000".toLowerCase(), "Chat.Example:8000")));
  for (const [origin, host, allowed] of [
    ["https://chat.example", "chat.example:443", true],
    ["http://chat.example", "chat.example:80", true],
    ["https://chat.example:443", "chat.example", true],
    ["https://chat.example", "chat.example:80", false],
    ["https://chat.example", "chat.example:8443", false],
    ["https://chat.example", "chat.example:443@evil.example", false],
    ["https://evil.example", "chat.example@evil.example", false],
  ] as const) {
    t.equal(named.allow(asks(origin, host)), allowed, `${origin} to ${host}`);
  }
  const any = new Origins("*");
  t.ok(any.allow(asks("https://evil.example")));
  t.notOk(any.trust(asks("https://evil.example")), "everybody may connect, and no foreign page by somebody's cookie");
});

t.test("a refused origin is counted, and logged once a minute with the setting that allows it", async (t) => {
  const nats = await natsFor(t);
  const lines: { level: number; msg: string; error: string; leftOut: number }[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const edge = await edgeFor(t, nats, {}, undefined, { logger });
  lines.length = 0;
  const url = `http://127.0.0.1:${edge.port}`;
  const origin = "https://app.example";
  await knock(t, edge.port, "/ws", { full: true, headers: { origin } });
  const headers = { origin, "content-type": "application/json" };
  await fetch(`${url}/v1/rooms/a/messages`, { method: "POST", headers, body: '{"message":"x"}' });
  await fetch(`${url}/v1/rooms/a`, { method: "OPTIONS", headers: { origin, "access-control-request-method": "PUT" } });
  await fetch(`${url}/v1/rooms`, { headers: { origin: url } });
  t.match(
    lines.filter(({ msg }) => msg.includes("ALLOWED_ORIGINS")),
    [{ level: 40, error: `origin ${origin}, host 127.0.0.1:${edge.port}`, leftOut: 0 }],
  );
  t.equal(lines.filter(({ msg }) => msg.includes("origin")).length, 1);
  t.match(await (await fetch(`${url}/metrics`)).text(), /^madang_origins_refused_total 3$/m, "one for each request");
});

t.test("on a real edge", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats, { ALLOWED_ORIGINS: "https://friend.example" });
  const url = `http://127.0.0.1:${edge.port}`;
  const own = url;

  for (const [path, full] of [
    ["/ws", true],
    ["/ws/", true],
    ["/ws/chat/hall/", true],
    ["/ws/chat/hall/", false],
    ["/ws/chat/hall", false],
  ] as const) {
    const from = async (origin?: string) =>
      (await knock(t, edge.port, path, { full, headers: origin === undefined ? {} : { origin } })).refusedWith;
    t.equal(await from("https://evil.example"), 403, path);
    t.equal(await from("null"), 403, path);
    t.equal(await from("https://friend.example"), undefined, path);
    t.equal(await from(own), undefined, path);
    t.equal(await from(), undefined, path);
  }

  await t.test("a refused upgrade is a problem", async (t) => {
    const { request } = await import("node:http");
    const body = await new Promise<string>((resolve, reject) => {
      const headers = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version": "13",
        origin: "https://evil.example",
      };
      request(`${url}/ws`, { headers }, (response) => {
        t.equal(response.statusCode, 403);
        t.match(response.headers["content-type"], /^application\/problem\+json/);
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      })
        .on("error", reject)
        .end();
    });
    t.match(JSON.parse(body), { code: "not_allowed", status: 403, field: "origin" });
  });

  await t.test("CORS on /v1, and writing, for allowed origins only", async (t) => {
    const post = (origin: string, type = "application/json") =>
      fetch(`${url}/v1/rooms/hall/messages`, {
        method: "POST",
        headers: { origin, "content-type": type },
        body: '{"message":"x"}',
      });
    const friend = await post("https://friend.example");
    t.equal(friend.status, 201);
    t.equal(friend.headers.get("access-control-allow-origin"), "https://friend.example");
    t.equal(friend.headers.get("access-control-allow-credentials"), "true");
    t.match(friend.headers.get("vary"), /origin/i);
    for (const type of ["application/json", "text/plain"]) {
      const evil = await post("https://evil.example", type);
      t.equal(evil.status, 403, "nothing is written for a foreign page");
      t.equal(evil.headers.get("access-control-allow-origin"), null);
    }
    const preflight = (origin: string, method = "PUT") =>
      fetch(`${url}/v1/rooms/hall`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": method, "access-control-request-headers": "authorization" },
      });
    const asked = await preflight("https://friend.example");
    t.equal(asked.status, 204);
    t.match(asked.headers.get("access-control-allow-methods"), /PUT/);
    t.match(asked.headers.get("access-control-allow-headers"), /authorization.*if-none-match/);
    t.match(friend.headers.get("access-control-expose-headers"), /etag/, "what to ask with again");
    const empty = await preflight("https://friend.example", "");
    t.match(
      empty.headers.get("content-type"),
      "application/problem+json",
      "asks about no method, so it is no preflight",
    );
    t.equal((await preflight("https://evil.example")).headers.get("access-control-allow-origin"), null);
  });

  await t.test("security headers on everything", async (t) => {
    const paths = ["/livez", "/readyz", "/", "/chat/hall/a", "/v1/rooms", "/docs/", "/nothing", "/v1/nothing", "/ws"];
    for (const path of paths) {
      const { headers } = await fetch(url + path);
      t.equal(headers.get("x-content-type-options"), "nosniff", path);
      t.match(headers.get("content-security-policy"), /default-src 'none'/, path);
      t.match(headers.get("content-security-policy"), /frame-ancestors 'none'/, path);
      t.match(headers.get("referrer-policy"), /^(no-referrer|same-origin)$/, path);
    }
  });

  await t.test("/docs is there to be read", async (t) => {
    for (const [method, status] of [
      ["GET", 503],
      ["HEAD", 503],
      ["POST", 405],
      ["PUT", 405],
      ["PATCH", 405],
      ["DELETE", 405],
    ] as const) {
      const answer = await fetch(`${url}/docs/json`, { method });
      t.equal(answer.status, status, `${method}: persistence, which is away, was ${status === 503 ? "" : "not "}asked`);
    }
  });

  await t.test("a URL that cannot be decoded is not repeated in the answer", async (t) => {
    const answer = await fetch(`${url}/v1/rooms/%ff<script>`);
    t.equal(answer.status, 400);
    t.match(answer.headers.get("content-type"), /^application\/problem\+json/);
    t.notMatch(await answer.text(), /script/);
  });
});
