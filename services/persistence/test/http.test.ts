import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { Changes } from "../src/store/changes.ts";
import type { Position } from "../src/store/position.ts";
import type { Store } from "../src/store/store.ts";
import { FLOOR, serve } from "./http-support.ts";
import { eventually, freshDatabase, mongod, openStore } from "./support.ts";

interface Operation {
  responses: Record<string, { content?: Record<string, object> }>;
}

t.test("HTTP", async (t) => {
  const store = await openStore(t, freshDatabase(await mongod(t)));
  const app = await serve(t, store);

  t.test("the description is OpenAPI 3.1 and names every route; its page loads nothing from elsewhere", async (t) => {
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
    t.notMatch(
      policy,
      /upgrade-insecure-requests|https:/,
      "the page works by plain HTTP and loads nothing from elsewhere",
    );
    t.notMatch(page.body, /(src|href)="https?:/);
    t.notMatch(page.body, /<script(?![^>]*src)/);
    for (const [, url] of page.body.matchAll(/(?:src|href)="(\/docs[^"]+)"/g)) {
      t.equal((await app.inject(url!)).statusCode, 200, url!);
    }
  });

  t.test("a page has an ETag, is not sent again if unchanged, and is compressed on request", async (t) => {
    await store.ensureRoom("cached", "2026");
    const changes = new Changes();
    const position = { epoch: FLOOR.epoch, seq: 6 };
    changes.messages.push({ room: "cached", position, user: "u", message: "다".repeat(900), at: "2026" });
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
    gone.deletes.push({ room: "cached", target: position, seq: 7, at: "2027" });
    await store.write(gone);
    t.match(await get({ "if-none-match": tag }), { statusCode: 200, body: /"deleted":true/ }, "a deletion is seen");

    const refused = await app.inject({ url: "/v1/rooms/unknown", headers: { "if-none-match": "*" } });
    t.match(refused, { statusCode: 404, headers: { "cache-control": "no-store" } });
    t.notOk(refused.headers.etag);
  });

  t.test("concurrent requests for a page share one read", async (t) => {
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
      saveFloor: (floor: Position) => store.saveFloor(floor),
    } as Store;
    const crowd = await serve(t, counting);
    const url = "/v1/rooms/crowd/messages";
    await crowd.ready();
    const answers = await Promise.all(Array.from({ length: 20 }, () => crowd.inject(url)));
    t.equal(reads, 1);
    t.ok(answers.every(({ statusCode, body }) => statusCode === 200 && body === answers[0]!.body));
    await crowd.inject(url);
    t.equal(reads, 2, "a result is not reused");
    await Promise.all([crowd.inject(url), crowd.inject(`${url}?limit=7`)]);
    t.equal(reads, 4, "another page is another read");
  });

  t.test("invalid HTTP is answered by a problem, too", async () => {
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

  t.test("during a shutdown the service answers requests on open connections, and then closes them", async (t) => {
    await store.ensureRoom("leaving", "2026");
    let proceed = () => {};
    let held = false;
    const messages: Store["messages"] = async (...args) => {
      held = true;
      await new Promise<void>((resolve) => {
        proceed = resolve;
      });
      return store.messages(...args);
    };
    const slow = {
      messages,
      room: (name: string) => store.room(name),
      loadFloor: () => store.loadFloor(),
      saveFloor: (floor: Position) => store.saveFloor(floor),
    } as Store;
    const app = await serve(t, slow);
    const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
    const socket = connect({ host: "127.0.0.1", port: Number(port) });
    t.teardown(() => socket.destroy());
    const said = text(socket);
    const ask = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    ask("/v1/rooms/leaving/messages");
    await eventually("the first request is being answered", () => held);
    const closed = app.close();
    await eventually("it accepts no more connections", () => !app.server.listening);
    ask("/v1/rooms/leaving");
    await eventually("the second request is sent", () => socket.bytesWritten > 0 && socket.writableLength === 0);
    proceed();
    const answers = (await said).match(/HTTP\/1\.1 \d+|connection: \S+/gi);
    t.strictSame(answers, ["HTTP/1.1 200", "Connection: keep-alive", "HTTP/1.1 200", "Connection: close"]);
    await closed;
  });
});
