import t from "tap";
import type { Store } from "../src/store/store.ts";
import { serve } from "./http-support.ts";

t.test("errors of the framework are problems from the closed table", async (t) => {
  // The requests of this test fail before they reach the store.
  const app = await serve(t, { ready: false } as Store);
  const json = { "content-type": "application/json" };
  for (const [title, request, status, code] of [
    ["broken JSON", { headers: json, payload: "{" }, 400, "bad_json"],
    ["an empty body", { headers: json, payload: "" }, 400, "bad_json"],
    ["another type", { headers: { "content-type": "text/plain" }, payload: "x" }, 415, "unsupported_media_type"],
    ["no type", { payload: Buffer.from("x") }, 415, "unsupported_media_type"],
    ["a large body", { headers: json, payload: `"${"x".repeat(70_000)}"` }, 413, "bad_request"],
    ["another length", { headers: { ...json, "content-length": "9" }, payload: "{}" }, 400, "bad_request"],
    ["a bad query", { method: "GET", url: "/v1/rooms", query: { limit: "0x1" } }, 400, "bad_request"],
    ["an unknown query", { method: "GET", url: "/v1/rooms", query: { page: "1" } }, 400, "bad_request"],
    ["a bad URL", { url: "/v1/rooms/%zz" }, 400, "bad_request"],
    ["another method", { method: "PROPFIND" as "PUT" }, 405, "bad_request"],
    ["no route", { url: "/nothing" }, 404, "not_found"],
  ] as const) {
    const { statusCode, headers, body } = await app.inject({ method: "PUT", url: "/v1/rooms/a", ...request });
    t.match({ statusCode, ...JSON.parse(body) }, { statusCode: status, status, code }, `${title}: ${body}`);
    t.equal(headers["content-type"], "application/problem+json; charset=utf-8", title);
    t.notMatch(body, "FST_", title);
  }
});
