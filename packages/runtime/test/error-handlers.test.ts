import Fastify, { type FastifyInstance } from "fastify";
import t, { type Test } from "tap";
import {
  addErrorHandlers,
  addJsonBodyParser,
  addMethodNotAllowed,
  allowedMethods,
  sendClientError,
} from "../src/index.ts";

const STRICT = { customOptions: { removeAdditional: false } } as const;

async function serve(t: Test): Promise<FastifyInstance> {
  const app = Fastify({ bodyLimit: 100, clientErrorHandler: sendClientError, ajv: STRICT });
  t.teardown(() => app.close());
  addErrorHandlers(app);
  addMethodNotAllowed(app);
  addJsonBodyParser(app);
  const querystring = { type: "object", properties: { limit: { type: "integer" } }, additionalProperties: false };
  app.post("/rooms/:room", { schema: { querystring } }, async () => ({}));
  app.get("/files/*", async () => ({}));
  app.get("/teapot", async () => {
    throw Object.assign(new Error("FST_ERR_TEAPOT: secret"), { code: "FST_ERR_TEAPOT", statusCode: 418 });
  });
  await app.ready();
  return app;
}

t.test("errors of the framework are problems with codes from the closed table", async (t) => {
  const app = await serve(t);
  const json = { "content-type": "application/json" };
  for (const [title, request, status, code, detail] of [
    ["broken JSON", { headers: json, payload: "{" }, 400, "bad_json", /not valid JSON/],
    ["a prototype", { headers: json, payload: '{"__proto__":1}' }, 400, "bad_json", /not valid JSON/],
    ["empty JSON", { headers: json, payload: "" }, 400, "bad_json", /empty/],
    ["text", { headers: { "content-type": "text/plain" }, payload: "x" }, 415, "unsupported_media_type", undefined],
    ["a bad type", { headers: { "content-type": "x;;" }, payload: "x" }, 415, "unsupported_media_type", undefined],
    ["no type", { payload: Buffer.from("x") }, 415, "unsupported_media_type", undefined],
    ["compressed", { headers: { ...json, "content-encoding": "gzip" } }, 415, "unsupported_media_type", /compressed/i],
    ["too large", { headers: json, payload: `"${"x".repeat(100)}"` }, 413, "bad_request", /too large/],
    ["another length", { headers: { ...json, "content-length": "9" }, payload: "{}" }, 400, "bad_request", /length/],
    ["a bad query", { url: "/rooms/a?limit=x" }, 400, "bad_request", /limit.*integer/],
    ["an unknown query", { url: "/rooms/a?offset=1" }, 400, "bad_request", /offset/],
    ["an unknown error", { method: "GET", url: "/teapot" }, 418, "bad_request", undefined],
    ["no route", { url: "/nothing" }, 404, "not_found", undefined],
  ] as const) {
    const response = await app.inject({ method: "POST", url: "/rooms/a", ...request });
    const body = response.json();
    t.match({ ...body, http: response.statusCode }, { http: status, status, code }, `${title}: ${response.body}`);
    t.equal(response.headers["content-type"], "application/problem+json; charset=utf-8", title);
    if (detail) t.match(body.detail, detail, title);
    else t.notOk("detail" in body, title);
    t.notMatch(response.body, /FST_|secret/, title);
  }
});

t.test("a method without a route at the path is answered with 405 and the methods that have one", async (t) => {
  const app = await serve(t);
  for (const [method, url, allow] of [
    ["GET", "/rooms/a%20b?limit=1", "POST"],
    ["QUERY", "/rooms/a", "POST"],
    ["PROPFIND", "/files/a/b", "GET, HEAD"],
    ["OPTIONS", "/teapot", "GET, HEAD"],
    ["DELETE", "http://host.example/teapot", "GET, HEAD"],
  ] as const) {
    const headers = { "content-type": "application/json" };
    const response = await app.inject({ method: method as "GET", url, headers, payload: "{" });
    t.match([response.statusCode, response.headers.allow], [405, allow], `${method} ${url}`);
    t.match(response.json(), { code: "bad_request", status: 405 });
  }
  t.equal((await app.inject({ method: "DELETE", url: "/rooms/a/b" })).statusCode, 404);
  t.same(allowedMethods(app, "/files/a"), ["GET", "HEAD"]);
  t.same(allowedMethods(app, "/files/a", { exact: true }), []);
  t.same(allowedMethods(app, "/rooms/a", { exact: true }), ["POST"]);
});
