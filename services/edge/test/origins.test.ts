import {
  connect,
  eventually,
  figure,
  full,
  HttpClient,
  natsFor,
  rawSocket,
  webSocketHandshake,
} from "@madang/test-kit";
import { pino } from "pino";
import t from "tap";
import { Origins } from "../src/access/origins.ts";
import { edgeConfig } from "../src/config.ts";
import { edgeFor } from "./support.ts";

t.test("a list of origins is valid, or refused at start", async (t) => {
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

t.test("the own host, the listed origins, and clients that are no browser are allowed", async (t) => {
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
  t.notOk(any.trust(asks("https://evil.example")), "any page may connect, but no foreign page with a cookie");
});

t.test("a refused origin is counted, and logged once a minute with the setting that allows it", async (t) => {
  const nats = await natsFor(t);
  const lines: { level: number; msg: string; error: string; leftOut: number }[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const edge = await edgeFor(t, nats, {}, { logger });
  lines.length = 0;
  const http = new HttpClient(edge);
  const origin = "https://app.example";
  await full(t, edge, { headers: { origin } });
  await http.post("a", "x", { origin });
  await http.request("OPTIONS", "/v1/rooms/a", { origin, "access-control-request-method": "PUT" });
  await http.get("/v1/rooms", { origin: `http://127.0.0.1:${edge.port}` });
  t.match(
    lines.filter(({ msg }) => msg.includes("ALLOWED_ORIGINS")),
    [{ level: 40, error: `origin ${origin}, host 127.0.0.1:${edge.port}`, leftOut: 0 }],
  );
  t.equal(lines.filter(({ msg }) => msg.includes("origin")).length, 1);
  t.equal(await figure(edge, "madang_origins_refused_total"), 3, "one for each request");
});

t.test("on a real edge", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats, { ALLOWED_ORIGINS: "https://friend.example" });
  const own = `http://127.0.0.1:${edge.port}`;
  const http = new HttpClient(edge);

  for (const [path, full] of [
    ["/ws", true],
    ["/ws/", true],
    ["/ws/chat/hall/", true],
    ["/ws/chat/hall/", false],
    ["/ws/chat/hall", false],
  ] as const) {
    const from = async (origin?: string) =>
      (await connect(t, edge, path, { full, headers: origin === undefined ? {} : { origin } })).refusedWith;
    t.equal(await from("https://evil.example"), 403, path);
    t.equal(await from("null"), 403, path);
    t.equal(await from("https://friend.example"), undefined, path);
    t.equal(await from(own), undefined, path);
    t.equal(await from(), undefined, path);
  }

  await t.test("a refused upgrade is a problem", async (t) => {
    const { socket, text } = await rawSocket(t, edge);
    socket.write(webSocketHandshake("/ws", "Origin: https://evil.example\r\n"));
    await eventually(() => text().endsWith("}"));
    const [head, body] = text().split("\r\n\r\n");
    t.match(head, /^HTTP\/1.1 403 [\s\S]*content-type: application\/problem\+json/i);
    t.match(JSON.parse(body!), { code: "not_allowed", status: 403, field: "origin" });
  });

  await t.test("CORS on /v1, and writing, are for allowed origins only", async (t) => {
    const post = (origin: string, type = "application/json") =>
      http.post("hall", "x", { origin, "content-type": type });
    const friend = await post("https://friend.example");
    t.equal(friend.status, 201);
    t.equal(friend.headers.get("access-control-allow-origin"), "https://friend.example");
    t.equal(friend.headers.get("access-control-allow-credentials"), "true");
    t.match(friend.headers.get("vary"), /origin/i);
    for (const type of ["application/json", "text/plain"]) {
      const evil = await post("https://evil.example", type);
      t.equal(evil.status, 403, "a foreign page cannot write");
      t.equal(evil.headers.get("access-control-allow-origin"), null);
    }
    const preflight = (origin: string, method = "PUT") =>
      http.request("OPTIONS", "/v1/rooms/hall", {
        origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization",
      });
    const asked = await preflight("https://friend.example");
    t.equal(asked.status, 204);
    t.match(asked.headers.get("access-control-allow-methods"), /PUT/);
    t.match(asked.headers.get("access-control-allow-headers"), /authorization.*if-none-match/);
    t.match(friend.headers.get("access-control-expose-headers"), /etag/, "needed to revalidate");
    const empty = await preflight("https://friend.example", "");
    t.match(empty.headers.get("content-type"), "application/problem+json", "it names no method, so it is no preflight");
    t.equal((await preflight("https://evil.example")).headers.get("access-control-allow-origin"), null);
  });

  await t.test("security headers on everything", async (t) => {
    const paths = ["/livez", "/readyz", "/", "/chat/hall/a", "/v1/rooms", "/docs/", "/nothing", "/v1/nothing", "/ws"];
    for (const path of paths) {
      const { headers } = await http.get(path);
      t.equal(headers.get("x-content-type-options"), "nosniff", path);
      t.match(headers.get("content-security-policy"), /default-src 'none'/, path);
      t.match(headers.get("content-security-policy"), /frame-ancestors 'none'/, path);
      t.match(headers.get("referrer-policy"), /^(no-referrer|same-origin)$/, path);
    }
  });

  await t.test("/docs can only be read", async (t) => {
    for (const [method, status] of [
      ["GET", 503],
      ["HEAD", 503],
      ["POST", 405],
      ["PUT", 405],
      ["PATCH", 405],
      ["DELETE", 405],
    ] as const) {
      const answer = await http.request(method, "/docs/json");
      t.equal(
        answer.status,
        status,
        `${method}: ${status === 503 ? "goes to persistence, which is away" : "does not"}`,
      );
    }
  });

  await t.test("the answer does not repeat a URL that cannot be decoded", async (t) => {
    const answer = await http.get("/v1/rooms/%ff<script>");
    t.equal(answer.status, 400);
    t.match(answer.headers.get("content-type"), /^application\/problem\+json/);
    t.notMatch(answer.text, /script/);
  });
});
