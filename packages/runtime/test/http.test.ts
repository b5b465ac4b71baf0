import Fastify from "fastify";
import t from "tap";
import { addHealthRoutes, addMetricsRoute, problem, sendProblem } from "../src/index.ts";

t.test("figures are as they are each time that somebody asks", async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  let stored = 5;
  let open = 2;
  addMetricsRoute(app, [
    { name: "test_stored_total", help: "Stored.", read: () => stored },
    { name: "test_open", help: "Open.", read: () => open },
  ]);
  const asked = async () => {
    const { headers, body } = await app.inject("/metrics");
    t.match(headers["content-type"], /^text\/plain; version=/);
    return body.match(/^test_.*$/gm);
  };
  t.strictSame(await asked(), ["test_stored_total 5", "test_open 2"]);
  [stored, open] = [6, 1];
  t.strictSame(
    await asked(),
    ["test_stored_total 6", "test_open 1"],
    "a counter does not add up what it was told before",
  );
});

t.test("what is missing is named while a service is not ready, and the process lives", async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  let missing: Record<string, string> = { nats: "not connected" };
  addHealthRoutes(app, () => missing);
  const asked = async (path: string) => {
    const answer = await app.inject(path);
    return [answer.statusCode, answer.json()];
  };
  t.strictSame(await asked("/readyz"), [503, { status: "not ready", missing }]);
  t.strictSame(await asked("/livez"), [200, { status: "ok" }]);
  missing = {};
  t.strictSame(await asked("/readyz"), [200, { status: "ready" }]);
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
