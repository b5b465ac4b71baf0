/** Requests that the edge passes on to persistence, while some of its instances fail. */

import { once } from "node:events";
import { type IncomingHttpHeaders, type RequestListener, request } from "node:http";
import { HttpClient, natsFor, rawSocket, standIn } from "@madang/test-kit";
import t, { type Test } from "tap";
import { edgeFor } from "./support.ts";

const well: RequestListener = (_request, response) => response.setHeader("content-type", "application/json").end("{}");
const ill: RequestListener = (_request, response) => response.writeHead(503, { "retry-after": "1" }).end();
const dying: RequestListener = (request) => request.socket.destroy();

t.test("history through the edge", async (t) => {
  const nats = await natsFor(t);
  const through = async (t: Test, ...instances: { url: string }[]) => {
    const http = new HttpClient(await edgeFor(t, nats, { PERSISTENCE_URL: instances.map(({ url }) => url).join() }));
    return (path: string, method = "GET") => http.request(method, path);
  };

  await t.test("a 503 goes to the client at once, and its instance gets no requests for a while", async (t) => {
    const [one, two] = [await standIn(t, ill), await standIn(t, well)];
    const ask = await through(t, one, two);
    const first = await ask("/v1/rooms/a/messages");
    t.match([first.status, first.headers.get("retry-after")], [503, "1"]);
    for (let i = 0; i < 4; i++) t.equal((await ask("/v1/rooms")).status, 200);
    t.same([one.asked.length, two.asked.length], [1, 4]);
  });

  await t.test("the path of a room is forwarded unchanged; a path that climbs is refused", async (t) => {
    const [one, two] = [await standIn(t, dying), await standIn(t, well)];
    const edge = await edgeFor(t, nats, { PERSISTENCE_URL: `${one.url},${two.url}` });
    const ask = async (path: string) => {
      const [answer] = await once(request({ port: edge.port, path }).end(), "response");
      return [answer.statusCode, JSON.parse(Buffer.concat(await answer.toArray()).toString()).code];
    };
    for (const name of ["...", "..x", "x..", "a..b", ".", "..", "%2e%2E%2e", ".a", "a%5Cb", "%EC%88%98"]) {
      const path = `/v1/rooms/${name}/messages?limit=2`;
      const isRoom = name !== "." && name !== "..";
      t.same(await ask(path), isRoom ? [200, undefined] : [400, "bad_room"], name);
      if (isRoom) t.equal(two.asked.at(-1), `GET ${path}`);
    }
    for (const name of ["%2e", ".%2E", "a/%2e%2e/b", "a\\..\\b"])
      t.same(await ask(`/v1/rooms/${name}`), [400, "bad_room"], name);
    t.same(await ask("/v1/rooms/a\\b"), [200, undefined]);
    t.equal(two.asked.at(-1), "GET /v1/rooms/a%5Cb");
  });

  await t.test(
    "a connection is closed when the client asks for it, whatever the instance says about its own",
    async (t) => {
      const one = await standIn(t, well);
      const edge = await edgeFor(t, nats, { PERSISTENCE_URL: one.url });
      for (const head of ["HTTP/1.1\r\nHost: x\r\nConnection: close", "HTTP/1.0"]) {
        const { socket, ended } = await rawSocket(t, edge);
        socket.write(`GET /v1/rooms ${head}\r\n\r\n`);
        const text = await ended;
        t.match(text, /\r\nconnection: close\r\n/i, head);
        t.notMatch(text, /keep-alive/i);
        t.match(text, /\r\n\r\n\{\}$/);
      }
    },
  );

  await t.test("a client does not notice a dead instance while another one answers", async (t) => {
    const [one, two] = [await standIn(t, dying), await standIn(t, well)];
    const ask = await through(t, one, two);
    t.equal((await ask("/v1/rooms/%EC%88%98/messages?limit=2")).status, 200);
    t.same([one.asked, two.asked], Array(2).fill(["GET /v1/rooms/%EC%88%98/messages?limit=2"]));
  });

  await t.test("headers about the client's connection are not forwarded, and no failure of an instance", async (t) => {
    const passed: string[] = [];
    const one = await standIn(t, (incoming, response) => {
      passed.push(...Object.keys(incoming.headers));
      well(incoming, response);
    });
    const edge = await edgeFor(t, nats, { PERSISTENCE_URL: one.url });
    for (const [name, value] of [
      ["expect", "100-continue"],
      ["keep-alive", "300"],
      ["upgrade", "h2c"],
      ["proxy-connection", "keep-alive"],
      ["te", "trailers"],
    ] as const) {
      const asked = request(`http://127.0.0.1:${edge.port}/v1/rooms`, { headers: { [name]: value } });
      const [answer] = await once(asked.end(), "response");
      answer.resume();
      t.equal(answer.statusCode, 200, name);
      t.notOk(passed.includes(name), name);
    }
  });

  await t.test("an instance that keeps failing is avoided for longer, until it answers", async (t) => {
    let answer = ill;
    const [one, two] = [await standIn(t, (...message) => answer(...message)), await standIn(t, well)];
    const ask = await through(t, one, two);
    let now = 0;
    t.intercept(performance, "now", { value: () => now });
    const askedOf = async (atMs: number) => {
      now = atMs;
      for (let i = 0; i < 2; i++) await ask("/v1/rooms");
      return one.asked.splice(0).length;
    };
    for (const [atMs, asked] of [
      [10_000, 1],
      [11_900, 0],
      [12_100, 1],
      [16_000, 0],
      [16_200, 1],
      [24_100, 0],
    ] as const) {
      t.equal(await askedOf(atMs), asked, `${atMs} ms`);
    }
    answer = well;
    t.equal(await askedOf(24_300), 1);
    answer = ill;
    t.equal(await askedOf(24_400), 1);
    t.equal(await askedOf(26_500), 1, "the first penalty again");
  });

  await t.test("clients do not notice instances that restart one after the other", async (t) => {
    const answers = [dying, well];
    const instances = await Promise.all(answers.map((_, i) => standIn(t, (...message) => answers[i]!(...message))));
    const ask = await through(t, ...instances);
    const statuses = async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => ask("/v1/rooms")));
      return [...new Set(all.map(({ status }) => status))];
    };
    t.same(await statuses(), [200]);
    // The first is back, and still avoided, when the second fails.
    answers.reverse();
    t.same(await statuses(), [200]);
  });

  await t.test("a request that changes something is sent once, and any other at most twice", async (t) => {
    const [one, two] = [await standIn(t, dying), await standIn(t, dying)];
    const ask = await through(t, one, two);
    const refused = await ask("/v1/rooms/a", "PUT");
    t.match(refused, { status: 503, body: { code: "history_unavailable" } });
    t.same([...one.asked, ...two.asked], ["PUT /v1/rooms/a"]);
    t.equal((await ask("/v1/rooms/a")).status, 503);
    t.equal(one.asked.length + two.asked.length, 3);
  });

  await t.test("headers and bodies are forwarded, except headers about a connection, and cookies", async (t) => {
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    const one = await standIn(t, async (incoming, response) => {
      seen.push({ headers: incoming.headers, body: Buffer.concat(await incoming.toArray()).toString("hex") });
      if (incoming.headers["if-none-match"] === '"1"') response.writeHead(304, { etag: '"1"' }).end();
      else response.writeHead(200, { etag: '"1"', "content-length": "2" }).end("{}");
    });
    const edge = await edgeFor(t, nats, { PERSISTENCE_URL: one.url });
    const ask = async (method: string, headers: Record<string, string>, body?: Buffer) => {
      const [answer] = await once(
        request(`http://127.0.0.1:${edge.port}/v1/rooms/a`, { method, headers }).end(body),
        "response",
      );
      return [answer.statusCode, answer.headers.etag, Buffer.concat(await answer.toArray()).toString()];
    };
    const hop = { connection: "keep-alive, x-hop", "x-hop": "1", cookie: "madang_token=secret", "x-end": "2" };
    t.same(await ask("GET", hop), [200, '"1"', "{}"]);
    t.match(seen[0]!.headers, { "x-end": "2", host: new URL(one.url).host, cookie: undefined, "x-hop": undefined });
    t.same(await ask("HEAD", {}), [200, '"1"', ""]);
    t.same(await ask("GET", { "if-none-match": '"1"' }), [304, '"1"', ""]);
    const body = Buffer.from([0, 255, 10]);
    t.same(await ask("PUT", { "content-type": "application/x-any" }, body), [200, '"1"', "{}"]);
    t.match(seen.at(-1), { body: "00ff0a", headers: { "content-type": "application/x-any", "content-length": "3" } });
    const asked = seen.length;
    t.match(await ask("PUT", { "content-type": "text/plain" }, Buffer.alloc(70_000)), [413]);
    t.equal(seen.length, asked, "a body over the limit is not forwarded");
  });
});
