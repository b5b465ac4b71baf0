/** The client of the persistence service: which instance gets a request, and how failures are handled. */

import type { RequestListener } from "node:http";
import { NOWHERE, standIn } from "@madang/test-kit";
import t, { type Test } from "tap";
import { HistoryClient } from "../src/history/history-client.ts";
import { FailoverClient, type FailoverOptions } from "../src/history/persistence-client.ts";

const json =
  (status: number, body: unknown): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
const well = json(200, { room: "수다방" });
const silent: RequestListener = () => {};
const dying: RequestListener = (request) => request.socket.destroy();

function clientFor(t: Test, urls: string[], options: FailoverOptions & { limitMs?: number } = {}) {
  const { limitMs = 300, ...failover } = options;
  const persistence = new FailoverClient(urls, failover);
  t.teardown(() => persistence.close());
  const put = (isIdempotent: boolean) =>
    persistence.request({ method: "PUT", path: "/v1/rooms/a", headers: {}, limitMs, isIdempotent });
  return { history: new HistoryClient(persistence, { limitMs }), put };
}

t.test("each instance that fails is tried once, and the one that answers gets the other requests", async (t) => {
  const [broken, hung, one] = [
    await standIn(t, json(500, {})),
    await standIn(t, silent),
    await standIn(t, well),
  ] as const;
  const { history } = clientFor(t, [broken.url, hung.url, `${one.url}/`], { limitMs: 100 });
  t.match(await history.ensureRoom("수다방"), { room: "수다방" });
  for (let i = 0; i < 4; i++) await history.after("수다방", "e.5", 10);
  t.same([broken.asked.length, hung.asked.length], [1, 1]);
  const path = `/v1/rooms/${encodeURIComponent("수다방")}`;
  t.same(one.asked, [`PUT ${path}`, ...Array(4).fill(`GET ${path}/messages?after=e.5&limit=10`)]);
});

t.test("healthy instances take turns", async (t) => {
  const instances = [await standIn(t, well), await standIn(t, well), await standIn(t, well)];
  const { history } = clientFor(
    t,
    instances.map(({ url }) => url),
  );
  for (let i = 0; i < 6; i++) await history.room("a");
  t.same(
    instances.map(({ asked }) => asked.length),
    [2, 2, 2],
  );
});

t.test("a refusal is an answer, and not an outage", async (t) => {
  const refusing = await standIn(t, json(410, { code: "position_lost" }));
  const spare = await standIn(t, well);
  await t.rejects(clientFor(t, [refusing.url, spare.url]).history.latest("r", 5), { code: "position_lost" });
  t.equal(spare.asked.length, 0);
  const odd = await standIn(t, json(418, { code: "constructor" }));
  await t.rejects(clientFor(t, [odd.url]).history.latest("r", 5), { code: "internal" });
  await t.rejects(clientFor(t, [NOWHERE]).history.latest("r", 5), { code: "history_unavailable" });
});

t.test("a request that is not idempotent is repeated only when it was never sent", async (t) => {
  const [one, two] = [await standIn(t, dying), await standIn(t, well)];
  await t.rejects(clientFor(t, [one.url, two.url]).put(false), { code: "history_unavailable" });
  t.same([one.asked.length, two.asked.length], [1, 0]);
  t.match(await clientFor(t, [one.url, two.url]).put(true), { statusCode: 200 });
  t.match(await clientFor(t, [NOWHERE, two.url]).put(false), { statusCode: 200 }, "the connection was refused");
});

t.test("a host name with several addresses, as a headless Kubernetes Service has, is as many instances", async (t) => {
  const first = await standIn(t, well, { host: "127.0.0.2" });
  const { port } = first;
  const second = await standIn(t, well, { host: "127.0.0.3", port });
  const hosts: (string | undefined)[] = [];
  const third = await standIn(
    t,
    (request, response) => {
      hosts.push(request.headers.host);
      well(request, response);
    },
    { host: "127.0.0.4", port },
  );
  const instances = [first, second, third];
  const asked = () => instances.map(({ asked }) => asked.splice(0).length);

  let addresses = ["127.0.0.2", "127.0.0.3"];
  let now = 0;
  t.intercept(performance, "now", { value: () => now });
  const troubles: string[] = [];
  const { history } = clientFor(t, [`http://history.example:${port}`], {
    onFailure: (what) => troubles.push(what),
    lookup: async () => {
      if (addresses.length === 0) throw Object.assign(new Error("queryA ENOTFOUND"), { code: "ENOTFOUND" });
      return addresses;
    },
  });
  const askFourTimes = async () => {
    for (let i = 0; i < 4; i++) await history.room("a");
  };

  await askFourTimes();
  t.same(asked(), [2, 2, 0], "the addresses take turns");

  first.stop();
  await askFourTimes();
  t.same(asked(), [0, 4, 0], "an address that is gone is not noticed");
  t.same(troubles, [`history cannot be read at history.example:${port} (127.0.0.2)`]);

  addresses = ["127.0.0.3", "127.0.0.4"];
  now = 11_000;
  await history.room("a");
  await askFourTimes();
  t.match(asked(), [0, Number, Number], "new addresses are found while the old ones serve");
  t.equal(hosts.at(-1), `history.example:${port}`, "the host keeps its name");

  addresses = [];
  now = 22_000;
  await askFourTimes();
  await askFourTimes();
  t.equal(asked().at(-1), 4, "a failed lookup keeps the addresses that are known");
});

t.test("a host name that cannot be found fails like an instance that is away", async (t) => {
  const troubles: string[] = [];
  const { history } = clientFor(t, ["http://history.invalid:8100"], { onFailure: (what) => troubles.push(what) });
  await t.rejects(history.room("a"), { code: "history_unavailable" });
  t.same(troubles, ["history cannot be read at history.invalid:8100"]);
});
