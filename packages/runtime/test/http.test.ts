import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import Fastify from "fastify";
import t from "tap";
import { addHealthRoutes, addMetricsRoute, problem, sendError, sendProblem } from "../src/index.ts";

t.test("each scrape reads the current values", async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  let stored = 5;
  let open = 2;
  addMetricsRoute(app, [
    { name: "test_stored_total", help: "Stored.", read: () => stored },
    { name: "test_open", help: "Open.", read: () => open },
  ]);
  const ask = async () => {
    const { headers, body } = await app.inject("/metrics");
    t.match(headers["content-type"], /^text\/plain; version=/);
    return body.match(/^test_.*$/gm);
  };
  t.strictSame(await ask(), ["test_stored_total 5", "test_open 2"]);
  [stored, open] = [6, 1];
  t.strictSame(await ask(), ["test_stored_total 6", "test_open 1"], "a counter is set, not increased, by each scrape");
});

t.test("/readyz names what is missing, and /livez answers meanwhile", async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  let missing: Record<string, string> = { nats: "not connected" };
  addHealthRoutes(app, () => missing);
  const ask = async (path: string) => {
    const answer = await app.inject(path);
    return [answer.statusCode, answer.json()];
  };
  t.strictSame(await ask("/readyz"), [503, { status: "not ready", missing }]);
  t.strictSame(await ask("/livez"), [200, { status: "ok" }]);
  missing = {};
  t.strictSame(await ask("/readyz"), [200, { status: "ready" }]);
});

t.test("Retry-After is whole seconds, and never too early", async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  app.get<{ Querystring: { s?: string } }>("/", async ({ query: { s } }, reply) =>
    sendProblem(reply, problem("rate_limited"), s === undefined ? undefined : Number(s)),
  );
  for (const [s, header] of [
    ["0.2", "1"],
    ["3", "3"],
    ["3.01", "4"],
  ] as const) {
    const { statusCode, headers } = await app.inject(`/?s=${s}`);
    t.match({ statusCode, ...headers }, { statusCode: 429, "retry-after": header });
  }
  t.notOk("retry-after" in (await app.inject("/")).headers);
});

t.test("a client that disconnects during its request gets no response", async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  app.setErrorHandler(sendError);
  const errors: string[] = [];
  let answers = 0;
  app.addHook("onError", async (_request, _reply, error) => void errors.push(error.message));
  app.addHook("onSend", async () => void answers++);
  app.post("/", async () => "taken");
  const port = Number(new URL(await app.listen({ port: 0, host: "127.0.0.1" })).port);
  const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
  const leaving = connect(port, "127.0.0.1");
  leaving.write(`${head}Content-Length: 10\r\n\r\n{`);
  await once(app.server, "request");
  leaving.resetAndDestroy();
  for (const end = Date.now() + 20_000; errors.length === 0 && Date.now() < end; ) await delay(5);
  t.strictSame(errors, ["aborted"]);
  t.equal(answers, 0);
  const staying = connect(port, "127.0.0.1");
  staying.write(`${head}Content-Length: 1\r\n\r\n{`);
  t.match(String((await once(staying, "data"))[0]), /^HTTP\/1\.1 400 /);
  staying.destroy();
  t.equal(answers, 1);
});
