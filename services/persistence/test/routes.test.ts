import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { type AuthSettings, readAuthSettings } from "@madang/auth";
import { HistoryPage, Problem, Room, RoomList } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { SignJWT } from "jose";
import t from "tap";
import type { TSchema } from "typebox";
import { Check } from "typebox/value";
import { buildApp } from "../src/app.ts";
import { openMongoStore } from "../src/mongo/store.ts";
import { ProjectionCounts } from "../src/projection/projector.ts";
import { Floor } from "../src/recovery/checkpoint.ts";
import { Changes } from "../src/store/changes.ts";
import type { Place } from "../src/store/keys.ts";
import type { Store } from "../src/store/store.ts";
import { eventually, freshDatabase, lookInside, mongod, openStore, ROOMS, type Scope, silent } from "./support.ts";

const JWT_SECRET = "a secret of thirty-two bytes or more";
const FLOOR = { epoch: "0mwuxf3re", seq: 7 };

async function serve(
  t: Scope,
  store: Store,
  connected = true,
  auth: AuthSettings = { mode: "none" },
): Promise<FastifyInstance> {
  const floor = new Floor({ ackFloor: async () => FLOOR }, store);
  const app = await buildApp({
    log: silent,
    auth,
    store,
    floor,
    consumer: { connected, trouble: undefined },
    counts: new ProjectionCounts(),
  });
  t.teardown(async () => {
    floor.close();
    await app.close();
  });
  return app;
}

/** What the tests look at without a schema. */
interface Body {
  rooms: { room: string }[];
  next?: string;
  code?: string;
  field?: string;
}

interface Operation {
  responses: Record<string, { content?: Record<string, object> }>;
}

/** Asks, and checks the answer against the schema that its status has in the API. */
async function ask(app: FastifyInstance, method: "GET" | "PUT", url: string, schema: TSchema, options: object = {}) {
  const response = await app.inject({ method, url, ...options });
  const body = response.json<Body>();
  const isProblem = response.statusCode >= 400;
  if (!Check(isProblem ? Problem : schema, body)) throw new Error(`not by its schema: ${response.body}`);
  const type = isProblem ? "application/problem+json; charset=utf-8" : "application/json; charset=utf-8";
  if (response.headers["content-type"] !== type) throw new Error(`${response.headers["content-type"]}`);
  return { status: response.statusCode, body };
}

t.test("routes", async (t) => {
  const server = await mongod(t);
  const store = await openStore(t, freshDatabase(server));
  const app = await serve(t, store);

  t.test("rooms: made once, got, listed page by page", async (t) => {
    t.equal((await ask(app, "GET", "/v1/rooms/a", Room)).status, 404);
    t.match(await ask(app, "GET", "/v1/rooms/a/messages", HistoryPage), {
      status: 200,
      body: { room: "a", messages: [], foundOldest: true, foundNewest: true },
    });
    for (const room of ROOMS) {
      const url = `/v1/rooms/${encodeURIComponent(room)}`;
      t.equal((await ask(app, "PUT", url, Room)).status, 201, room);
      t.match(await ask(app, "PUT", url, Room, { payload: {} }), { status: 200, body: { room, topic: "", status: 0 } });
      t.match(await ask(app, "GET", url, Room), { status: 200, body: { room } });
      t.match(await ask(app, "GET", `${url}/messages`, HistoryPage), { status: 200, body: { room, messages: [] } });
    }
    t.match(await ask(app, "PUT", "/v1/rooms/cafe%CC%81", Room), { status: 201, body: { room: "café" } });
    const names: string[] = [];
    for (let after = ""; ; ) {
      const { body } = await ask(app, "GET", `/v1/rooms?limit=2${after}`, RoomList);
      names.push(...body.rooms.map(({ room }) => room));
      if (body.next === undefined) break;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    t.strictSame(names, ["a", "a b", "a|b", "café", "수다방"]);
  });

  t.test("a query parameter that is not known is refused by name, whatever it is asked of", async (t) => {
    for (const [method, path] of [
      ["GET", "/v1/rooms"],
      ["GET", "/v1/rooms/a"],
      ["PUT", "/v1/rooms/a"],
      ["GET", "/v1/rooms/a/messages"],
    ] as const) {
      for (const query of ["verbose=1", "verbose", "Limit=2"]) {
        const answer = await ask(app, method, `${path}?${query}`, Room);
        const field = query.split("=")[0];
        t.match(answer, { status: 400, body: { code: "bad_request", field } }, `${method} ${path}?${query}`);
      }
    }
    t.equal((await ask(app, "GET", "/v1/rooms/a?", Room)).status, 200, "an empty query");
  });

  t.test("rooms that nobody may see are passed over, and where they are many a page says where to go on", async (t) => {
    const url = freshDatabase(server);
    const hidden = Array.from({ length: 10_600 }, (_, i) => `hidden ${String(i).padStart(5, "0")}`);
    const seen = ["seen 1", "seen 2", "seen 3", "seen 4"];
    const rooms = [...hidden, ...seen].map((_id) => ({ _id, createdAt: "2026" }));
    await lookInside(t, url).db.collection<{ _id: string }>("rooms").insertMany(rooms);
    const app = await serve(
      t,
      await openStore(t, url),
      true,
      readAuthSettings("127.0.0.1", { AUTH: "jwt", JWT_SECRET }),
    );
    const token = await new SignJWT({ sub: "u", rooms: [{ pattern: "seen *", can: ["read"] }] })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(JWT_SECRET));
    const list = async (after: string) => {
      const query = after === "" ? "" : `&after=${encodeURIComponent(after)}`;
      const headers = { authorization: `Bearer ${token}` };
      const { rooms, next } = (await ask(app, "GET", `/v1/rooms?limit=2${query}`, RoomList, { headers })).body;
      return { rooms: rooms.map(({ room }) => room), next };
    };
    const first = await list("");
    t.match(first, { rooms: [], next: /^hidden 09/ }, "it does not read on for ever");
    t.strictSame(await list(first.next!), { rooms: ["seen 1", "seen 2"], next: "seen 2" });
    t.strictSame(await list("seen 2"), { rooms: ["seen 3", "seen 4"], next: undefined });
  });

  t.test("messages, with edits and deletes", async (t) => {
    const changes = new Changes();
    const place = (seq: number) => ({ epoch: FLOOR.epoch, seq });
    for (const seq of [1, 2, 3, 8]) {
      changes.messages.push({
        room: "수다방",
        place: place(seq),
        user: "민수",
        message: `${seq}`,
        at: "2026",
        nonce: `${seq}`,
      });
    }
    changes.edits.push({ room: "수다방", target: place(2), seq: 4, message: "둘", at: "2027" });
    changes.deletes.push({ room: "수다방", target: place(3), seq: 5, at: "2027" });
    await store.write(changes);
    const url = `/v1/rooms/${encodeURIComponent("수다방")}/messages`;
    const { body } = await ask(app, "GET", url, HistoryPage);
    const position = (seq: number) => `${FLOOR.epoch}.${seq}`;
    const common = { epoch: FLOOR.epoch, user: "민수", at: "2026" };
    t.strictSame(body, {
      room: "수다방",
      epoch: FLOOR.epoch,
      messages: [
        { ...common, seq: 1, position: position(1), message: "1", nonce: "1" },
        { ...common, seq: 2, position: position(2), message: "둘", nonce: "2", editedAt: "2027" },
        { ...common, seq: 3, position: position(3), message: "", nonce: "3", deleted: true },
      ],
      foundOldest: true,
      foundNewest: true,
      position: position(7),
    });
    t.match(await ask(app, "GET", `${url}?around=${position(2)}&limit=1`, HistoryPage), {
      body: { messages: [{ seq: 2 }], foundOldest: false, foundNewest: false, position: position(2) },
    });
  });

  t.test("bad input is a problem with its field, never a 500", async (t) => {
    const cases: [string, string, string, string | undefined, object?][] = [
      ["GET", "/v1/rooms/%zz", "bad_request", undefined],
      ["GET", "/v1/rooms/%ff/messages", "bad_request", undefined],
      ["GET", "/v1/rooms/%E0%A4%A", "bad_request", undefined],
      ["GET", "/v1/rooms/a%2Fb", "bad_room", "room"],
      ["GET", "/v1/rooms/a%00b/messages", "bad_room", "room"],
      ["GET", "/v1/rooms/a%1Fb/messages", "bad_room", "room"],
      ["PUT", "/v1/rooms/%20", "bad_room", "room"],
      ["PUT", "/v1/rooms/%E2%80%8B", "bad_room", "room"],
      ["PUT", `/v1/rooms/${"%EC%88%98".repeat(101)}`, "bad_room", "room"],
      ["GET", `/v1/rooms/${"a".repeat(9000)}`, "bad_request", undefined],
      ["PUT", "/v1/rooms/a", "bad_request", "body", { payload: { topic: "x" } }],
      [
        "PUT",
        "/v1/rooms/a",
        "bad_request",
        undefined,
        { payload: "{", headers: { "content-type": "application/json" } },
      ],
      ["PUT", "/v1/rooms/a", "bad_request", undefined, { payload: "<a/>", headers: { "content-type": "text/xml" } }],
      ["GET", "/v1/rooms/a/messages?limit=0", "bad_request", "limit"],
      ["GET", "/v1/rooms/a/messages?limit=101", "bad_request", "limit"],
      ...["1.5", "1e1", "0x10", "+5", "%205", "5%20", "10.0", "-5", "", "%EF%BC%95"].flatMap((limit) =>
        ["/v1/rooms/a/messages", "/v1/rooms"].map((path): [string, string, string, string] => [
          "GET",
          `${path}?limit=${limit}`,
          "bad_request",
          "limit",
        ]),
      ),
      ["GET", "/v1/rooms/a/messages?limit=1&limit=2", "bad_request", "limit"],
      ["GET", "/v1/rooms/a/messages?before=a.1&after=a.2", "bad_request", "after"],
      ["GET", "/v1/rooms/a/messages?before=a.1&before=a.2", "bad_request", "before"],
      ["GET", "/v1/rooms/a/messages?around=%zz", "bad_position", "around"],
      ["GET", "/v1/rooms/a/messages?form=x", "bad_request", "form"],
      ["GET", "/v1/rooms?after=", "bad_request", "after"],
      ["GET", "/v1/rooms?limit=-1", "bad_request", "limit"],
    ];
    for (const [method, url, code, field, options] of cases) {
      const { status, body } = await ask(app, method as "GET", url, Room, options);
      t.ok(status >= 400 && status < 500, `${method} ${url.slice(0, 60)} → ${status}`);
      t.match({ code: body.code, field: body.field }, { code, field }, url.slice(0, 60));
    }
    for (const [method, url, allow] of [
      ["DELETE", "/v1/rooms", "GET, HEAD"],
      ["POST", "/v1/rooms/a", "GET, HEAD, PUT"],
      ["PUT", "/v1/rooms/a/messages", "GET, HEAD"],
      ["PUT", "/docs/json", "GET, HEAD"],
      ["PATCH", "/readyz", "GET, HEAD"],
    ] as const) {
      const { statusCode, headers, body } = await app.inject({
        method,
        url,
        payload: "<",
        headers: { "content-type": "a/b" },
      });
      t.match([statusCode, headers.allow], [405, allow], `${method} ${url}`);
      t.match(JSON.parse(body), { code: "bad_request", status: 405 });
    }
    t.match(await ask(app, "GET", "/nothing", Room), { status: 404, body: { code: "not_found" } });
  });

  t.test("the document is OpenAPI 3.1 and names every route; its page needs nothing from elsewhere", async (t) => {
    const { openapi, paths } = (await app.inject("/docs/json")).json();
    t.match(openapi, /^3\.1\./);
    const operations = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
    );
    t.strictSame(operations.map(({ name }) => name).sort(), [
      "get /v1/rooms",
      "get /v1/rooms/{room}",
      "get /v1/rooms/{room}/messages",
      "post /v1/rooms/{room}/messages",
      "put /v1/rooms/{room}",
    ]);
    for (const { name, responses } of operations) {
      for (const status of ["4XX", "5XX"]) {
        t.strictSame(Object.keys(responses[status]!.content!), ["application/problem+json"], `${name} ${status}`);
      }
      t.equal("304" in responses, name.startsWith("get"), name);
    }
    const page = await app.inject("/docs/");
    t.equal(page.statusCode, 200);
    const policy = page.headers["content-security-policy"];
    t.match(policy, /default-src 'none'; script-src 'self';/);
    t.notMatch(policy, /upgrade-insecure-requests|https:/, "it works by plain HTTP, and asks nobody else");
    t.notMatch(page.body, /(src|href)="https?:/);
    t.notMatch(page.body, /<script(?![^>]*src)/);
    for (const [, url] of page.body.matchAll(/(?:src|href)="(\/docs[^"]+)"/g)) {
      t.equal((await app.inject(url!)).statusCode, 200, url!);
    }
  });

  t.test("a page comes with its ETag, whole to who has another, and smaller to who can read that", async (t) => {
    await store.ensureRoom("cached", "2026");
    const changes = new Changes();
    const place = { epoch: FLOOR.epoch, seq: 6 };
    changes.messages.push({ room: "cached", place, user: "u", message: "다".repeat(900), at: "2026" });
    await store.write(changes);
    const url = "/v1/rooms/cached/messages";
    const get = (headers: Record<string, string>, method: "GET" | "HEAD" = "GET") =>
      app.inject({ method, url, headers });
    const whole = await get({});
    const tag = whole.headers.etag!;
    t.match(whole.headers, { "cache-control": "private, no-cache", vary: /accept-encoding, origin/, etag: /^W\/"/ });
    for (const named of [tag, tag.slice(2), `"other", ${tag}`, "*"]) {
      const { statusCode, body, headers } = await get({ "if-none-match": named });
      t.match({ statusCode, body, headers }, { statusCode: 304, body: "", headers: { etag: tag } }, named);
      t.notOk(headers["content-type"], named);
    }
    t.equal((await get({ "if-none-match": '"other"' })).body, whole.body);
    t.match(await get({}, "HEAD"), { statusCode: 200, body: "", headers: { etag: tag } });
    t.match(await get({ "if-none-match": tag }, "HEAD"), { statusCode: 304, body: "", headers: { etag: tag } });

    const small = await get({ "accept-encoding": "gzip" });
    t.match(small.headers, { "content-encoding": "gzip", etag: tag });
    t.equal(gunzipSync(small.rawPayload).toString(), whole.body);
    t.notOk((await get({ "accept-encoding": "identity" })).headers["content-encoding"]);

    const gone = new Changes();
    gone.deletes.push({ room: "cached", target: place, seq: 7, at: "2027" });
    await store.write(gone);
    t.match(await get({ "if-none-match": tag }), { statusCode: 200, body: /"deleted":true/ }, "a deletion is seen");

    const refused = await app.inject({ url: "/v1/rooms/nobody", headers: { "if-none-match": "*" } });
    t.match(refused, { statusCode: 404, headers: { "cache-control": "no-store" } });
    t.notOk(refused.headers.etag);
  });

  t.test("a crowd that asks for the same page reads it once", async (t) => {
    await store.ensureRoom("crowd", "2026");
    let reads = 0;
    const messages: Store["messages"] = (...args) => {
      reads++;
      return store.messages(...args);
    };
    const counting = {
      messages,
      room: (name: string) => store.room(name),
      loadFloor: () => store.loadFloor(),
      saveFloor: (floor: Place) => store.saveFloor(floor),
    } as Store;
    const crowd = await serve(t, counting);
    const url = "/v1/rooms/crowd/messages";
    await crowd.ready();
    const answers = await Promise.all(Array.from({ length: 20 }, () => crowd.inject(url)));
    t.equal(reads, 1);
    t.ok(answers.every(({ statusCode, body }) => statusCode === 200 && body === answers[0]!.body));
    await crowd.inject(url);
    t.equal(reads, 2, "but not from a memory");
    await Promise.all([crowd.inject(url), crowd.inject(`${url}?limit=7`)]);
    t.equal(reads, 4, "and another page is another");
  });

  t.test("what is no HTTP request is answered by a problem, too", async () => {
    const own = await serve(t, store);
    await own.listen({ host: "127.0.0.1", port: 0 });
    const { port } = own.server.address() as AddressInfo;
    for (const [bytes, status] of [
      ["NONSENSE\r\n\r\n", 400],
      ["GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
      [`GET /livez HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(bytes);
      const said = await text(socket);
      t.match(said, `HTTP/1.1 ${status} `);
      t.match(said, "application/problem+json");
      t.match(JSON.parse(said.split("\r\n\r\n")[1]!), { code: "bad_request", status });
    }
  });

  t.test("leaving, it answers what comes over connections that there are, and then closes them", async (t) => {
    await store.ensureRoom("leaving", "2026");
    let goOn = () => {};
    let held = false;
    const messages: Store["messages"] = async (...args) => {
      held = true;
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return store.messages(...args);
    };
    const slow = {
      messages,
      room: (name: string) => store.room(name),
      loadFloor: () => store.loadFloor(),
      saveFloor: (floor: Place) => store.saveFloor(floor),
    } as Store;
    const app = await serve(t, slow);
    const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
    const socket = connect({ host: "127.0.0.1", port: Number(port) });
    t.teardown(() => socket.destroy());
    const said = text(socket);
    const ask = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    ask("/v1/rooms/leaving/messages");
    await eventually("the first is being answered", () => held);
    const closed = app.close();
    await eventually("it takes no more connections", () => !app.server.listening);
    ask("/v1/rooms/leaving");
    await eventually("the second is there", () => socket.bytesWritten > 0 && socket.writableLength === 0);
    goOn();
    const answers = (await said).match(/HTTP\/1\.1 \d+|connection: \S+/gi);
    t.strictSame(answers, ["HTTP/1.1 200", "Connection: keep-alive", "HTTP/1.1 200", "Connection: close"]);
    await closed;
  });

  t.test("without MongoDB: not ready, and 503 with when to come again", async (t) => {
    const gone = openMongoStore("mongodb://127.0.0.1:9/madang");
    t.teardown(() => gone.close());
    const app = await serve(t, gone, false);
    t.equal((await app.inject("/livez")).statusCode, 200);
    const ready = await app.inject("/readyz");
    t.equal(ready.statusCode, 503);
    t.strictSame(Object.keys(ready.json().missing), ["mongodb", "nats"]);
    for (const url of ["/v1/rooms", "/v1/rooms/a", "/v1/rooms/a/messages"]) {
      const response = await app.inject(url);
      t.equal(response.statusCode, 503, url);
      t.equal(response.json().code, "history_unavailable");
      t.equal(response.headers["retry-after"], "1");
    }
  });
});
