import { JWT_ENV, natsFor } from "@madang/test-kit";
import t from "tap";
import { edgeFor } from "./support.ts";

t.test("errors of the framework are problems from the closed table", async (t) => {
  const nats = await natsFor(t);
  const edges = [
    { app: (await edgeFor(t, nats)).app, url: "/v1/rooms/a/messages" },
    { app: (await edgeFor(t, nats, JWT_ENV)).app, url: "/session" },
  ];
  const json = { "content-type": "application/json" };
  for (const [title, request, status, code] of [
    ["broken JSON", { headers: json, payload: "{" }, 400, "bad_json"],
    ["an empty body", { headers: json, payload: "" }, 400, "bad_json"],
    ["another type", { headers: { "content-type": "text/plain" }, payload: "x" }, 415, "unsupported_media_type"],
    ["no type", { payload: Buffer.from("x") }, 415, "unsupported_media_type"],
    ["a large body", { headers: json, payload: `"${"x".repeat(70_000)}"` }, 413, "bad_request"],
    ["another length", { headers: { ...json, "content-length": "9" }, payload: "{}" }, 400, "bad_request"],
    ["a bad query", { headers: json, payload: '{"message":"x"}', query: { user: "me" } }, 400, "bad_request"],
    ["a bad URL", { url: "/v1/rooms/%zz/messages" }, 400, "bad_request"],
    ["another method", { method: "PUT", url: "/livez", headers: json, payload: "{" }, 405, "bad_request"],
    ["no route", { url: "/nothing" }, 404, "not_found"],
  ] as const) {
    for (const { app, url } of edges) {
      if (url === "/session" && title === "a bad query") continue;
      const { statusCode, headers, body } = await app.inject({ method: "POST", url, ...request });
      t.match({ statusCode, ...JSON.parse(body) }, { statusCode: status, status, code }, `${title}: ${body}`);
      t.equal(headers["content-type"], "application/problem+json; charset=utf-8", title);
      t.notMatch(body, "FST_", title);
    }
  }
});
