import { natsFor, rawSocket, standIn, UPGRADE } from "@madang/test-kit";
import t from "tap";
import { edgeFor } from "./support.ts";

t.test("requests that Node itself would refuse get a problem like all others", async (t) => {
  const persistence = await standIn(t, (_request, response) =>
    response.writeHead(405, { allow: "GET, HEAD" }).end("{}"),
  );
  const edge = await edgeFor(t, await natsFor(t), { PERSISTENCE_URL: persistence.url });
  const ask = async (...lines: string[]) => {
    const { socket, ended } = await rawSocket(t, edge);
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const [head, body] = (await ended).split("\r\n\r\n") as [string, string];
    return { status: Number(head.split(" ")[1]), head: head.toLowerCase(), body };
  };
  const closing = "Connection: close";
  const upgrade = UPGRADE.trim().split("\r\n");
  for (const [status, ...lines] of [
    [400, "GET /livez HTTP/1.1", closing],
    [400, "GET /v1/rooms HTTP/1.1", closing],
    [400, "GET /metrics HTTP/1.1", closing],
    [400, "GET /ws/chat/a/ HTTP/1.1", ...upgrade],
    [400, "GET /livez HTTP/1.1", "Host: a", "Host: b", closing],
    [400, "GET /livez HTTP/1.1", "Host: a", "HOST: a", closing],
    [400, "GET /v1/rooms HTTP/1.1", "Host: a", "Host:", closing],
    [400, "GET /livez HTTP/1.0", "Host: a", "Host: b"],
    [400, "GET /livez HTTP/1.1", "Host: a b", closing],
    [400, "GET /livez HTTP/1.1", "Host: a/b", closing],
    [400, "GET /livez HTTP/1.1", "Host: user@a", closing],
    [400, "GET /ws/chat/a/ HTTP/1.1", "Host: a", "Host: b", ...upgrade],
    [400, "GET * HTTP/1.1", "Host: x", closing],
    [405, "CONNECT a.example:443 HTTP/1.1", "Host: a.example:443"],
    [405, "CONNECT /ws HTTP/1.1", "Host: x", ...upgrade],
    [505, "GET /livez HTTP/2.0", "Host: x", closing],
    [505, "GET /v1/rooms HTTP/0.9", "Host: x", closing],
    [505, "GET /nothing HTTP/2.0", "Host: x", closing],
    [505, "GET /livez"],
    [417, "GET /livez HTTP/1.1", "Host: x", "Expect: the-unexpected", closing],
    [417, "GET /v1/rooms HTTP/1.1", "Host: x", "Expect: the-unexpected", closing],
  ] as const) {
    const answer = await ask(...lines);
    t.equal(answer.status, status, lines.join(", "));
    t.match(answer.head, /\r\ncontent-type: application\/problem\+json/);
    t.match(answer.body, `"status":${status},"code":"bad_request"`);
  }
  t.match((await ask("CONNECT a.example:443 HTTP/1.1", "Host: a.example:443")).head, /\r\nallow: $/);
  t.equal((await ask("OPTIONS * HTTP/1.1", "Host: x", closing)).status, 204, "a ping (RFC 9110, 9.3.7)");
  t.equal((await ask("GET /livez HTTP/1.0")).status, 200, "HTTP/1.0 needs no Host");
  for (const host of ["", "[::1]:8000", "a_b.example:80", "x%20y", "a,b"]) {
    t.equal((await ask("GET /livez HTTP/1.1", `Host: ${host}`, closing)).status, 200, `a Host: ${host}`);
  }
  for (const method of ["PROPFIND", "TRACE", "MKCOL", "M-SEARCH"]) {
    const answer = await ask(`${method} /v1/rooms HTTP/1.1`, "Host: x", closing);
    t.match([answer.status, /\r\nallow: (.*)\r\n/.exec(answer.head)?.[1]], [405, "get, head"], method);
  }
});
