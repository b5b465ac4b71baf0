import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMongod, startNats, startService, until } from "@madang/local-stack";
import t from "tap";

const LIMIT_MS = 30_000;

t.test("a restored or lost MongoDB is filled again from the log, automatically", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "madang-restored-store-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const [data, copy] = [join(dir, "mongod"), join(dir, "copy")];
  const nats = await startNats();
  t.teardown(() => nats.stop());
  let mongod = await startMongod({ dir: data });
  t.teardown(() => mongod.stop());
  const env = { NATS_URL: nats.url, MONGODB_URL: mongod.url, DRAIN_MS: "0" };
  const startPersistence = (at: { port?: number } = {}) =>
    startService("persistence", { name: "persistence", env, ...at });
  let persistence = await startPersistence();
  t.teardown(() => persistence.stop());
  const edge = await startService("edge", { name: "edge", env: { ...env, PERSISTENCE_URL: persistence.url } });
  t.teardown(() => edge.stop());

  const url = `${edge.url}/v1/rooms/a/messages`;
  const say = async (message: string) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ message }) });
    t.ok(answer.ok, message);
  };
  const history = async () => {
    const answer = await fetch(`${url}?limit=100`);
    if (!answer.ok) return [];
    return ((await answer.json()) as { messages: { message: string }[] }).messages.map(({ message }) => message);
  };
  const shown = async (expected: readonly string[], what: string) => {
    let last: readonly string[] = [];
    const isShown = async () => {
      last = await history();
      return last.length >= expected.length;
    };
    await until(AbortSignal.timeout(LIMIT_MS), isShown).catch(() => {});
    t.same(last, expected, what);
  };
  const restart = async (change: () => void) => {
    const ports = [persistence, mongod].map(({ port }) => ({ port }));
    await persistence.stop();
    await mongod.stop();
    change();
    mongod = await startMongod({ dir: data, ...ports[1] });
    persistence = await startPersistence(ports[0]);
  };

  await say("1");
  await shown(["1"], "before the copy");
  await restart(() => cpSync(data, copy, { recursive: true }));
  await say("2");
  await say("3");
  await shown(["1", "2", "3"], "after the copy");
  t.notMatch(persistence.output(), "the store was restored", "the copy is not restored yet");

  await restart(() => {
    rmSync(data, { recursive: true });
    cpSync(copy, data, { recursive: true });
  });
  await say("4");
  await shown(["1", "2", "3", "4"], "an older copy");
  t.match(persistence.output(), "the store was restored");

  const pid = persistence.pid;
  const underneath = async (change: () => void) => {
    const { port } = mongod;
    await mongod.stop();
    change();
    mongod = await startMongod({ dir: data, port });
  };
  await underneath(() => {
    rmSync(data, { recursive: true });
    cpSync(copy, data, { recursive: true });
  });
  await shown(["1", "2", "3", "4"], "an older copy under a running service, without any new message");
  t.equal(persistence.pid, pid);

  await restart(() => rmSync(data, { recursive: true }));
  await say("5");
  await shown(["1", "2", "3", "4", "5"], "an empty store");
});
