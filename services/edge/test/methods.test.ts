import { once } from "node:events";
import { request } from "node:http";
import { natsFor, rawSocket, standIn } from "@madang/test-kit";
import t from "tap";
import { edgeFor } from "./support.ts";

t.test("a known path answers 405 with Allow for a method that it does not have", async (t) => {
  const persistence = await standIn(t, (_request, response) =>
    response.writeHead(405, { allow: "GET, HEAD", "content-type": "application/problem+json" }).end("{}"),
  );
  const edge = await edgeFor(t, await natsFor(t), { PERSISTENCE_URL: persistence.url });
  const url = `http://127.0.0.1:${edge.port}`;

  for (const [method, path, allow] of [
    ["POST", "/livez", "GET, HEAD"],
    ["PUT", "/%6civez?a=b", "GET, HEAD"],
    ["OPTIONS", "/readyz", "GET, HEAD"],
    ["DELETE", "/metrics", "GET, HEAD"],
    ["POST", "/", "GET, HEAD"],
    ["POST", "/chat/%EC%88%98%20%2F/n/", "GET, HEAD"],
    ["POST", "/ws", "GET, HEAD"],
    ["PUT", "/ws/chat/a/", "GET, HEAD"],
    ["PATCH", "/docs/json", "GET, HEAD"],
  ] as const) {
    for (const type of ["application/json", "application/x-www-form-urlencoded", "text/html"]) {
      const answer = await fetch(url + path, {
        method,
        body: "{",
        headers: { "content-type": type, accept: "text/html" },
      });
      t.match([answer.status, answer.headers.get("allow")], [405, allow], `${method} ${path} with ${type}`);
      t.equal(answer.headers.get("content-type"), "application/problem+json; charset=utf-8");
      t.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
      t.match(await answer.json(), { status: 405, code: "bad_request" });
    }
  }
  for (const path of ["/nothing", "/chat/a/b/c", "/livez/", "/v1nothing"]) {
    const answer = await fetch(url + path, { method: "POST" });
    t.match([answer.status, answer.headers.get("allow")], [404, null], path);
  }
  for (const [method, status, body] of [
    ["POST", 400, "{"],
    ["POST", 400, ""],
    ["PUT", 413, "x".repeat(70_000)],
    ["QUERY", 400, undefined],
  ] as const) {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(`${url}/nothing`, { method, headers, ...(body === undefined ? {} : { body }) });
    t.equal(answer.status, status, `${method} of an unreadable body, at an unknown path`);
    t.match(await answer.json(), { code: status === 400 && body !== undefined ? "bad_json" : "bad_request", status });
  }
  for (const [target, status] of [
    ["/livez", 200],
    ["/v1/rooms", 405],
    ["?a=b", 200],
    ["", 200],
  ] as const) {
    const [answer] = await once(request({ port: edge.port, path: url + target }).end(), "response");
    answer.resume();
    t.equal(answer.statusCode, status, `with the host in the request's target: ${target}`);
  }
  const proxied = await fetch(`${url}/v1/rooms/a/messages`, { method: "DELETE" });
  t.match([proxied.status, proxied.headers.get("allow")], [405, "GET, HEAD, POST"], "the edge adds its own methods");

  for (const [path, allow] of [
    ["/v1/rooms/a/messages", "GET, HEAD, POST"],
    ["/v1/rooms", "GET, HEAD"],
  ] as const) {
    const asked = await fetch(url + path, { method: "OPTIONS", headers: { origin: url } });
    t.match([asked.status, asked.headers.get("allow")], [405, allow], `OPTIONS ${path}`);
    const preflight = { origin: url, "access-control-request-method": "PATCH" };
    t.equal((await fetch(url + path, { method: "OPTIONS", headers: preflight })).status, 204, "a preflight");
  }

  const odd = request(`${url}/livez`, { method: "PROPFIND" }).end();
  const [answer] = await once(odd, "response");
  answer.resume();
  t.match([answer.statusCode, answer.headers.allow], [405, "GET, HEAD"], "a method that no route has");
  const { socket, ended } = await rawSocket(t, edge);
  socket.write("NONSENSE /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  t.match(await ended, /^HTTP\/1\.1 405 .*\r\nAllow: GET, HEAD\r\n/s, "a method that Node does not know");
});
