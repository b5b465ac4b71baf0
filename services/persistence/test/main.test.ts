import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePort, startNats, startProcess } from "@madang/local-stack";
import t from "tap";
import { eventually, freshDatabase, lookInside, message, mongod, nats, openPublisher, type Scope } from "./support.ts";

const ENTRY = fileURLToPath(new URL("../src/main.ts", import.meta.url));

async function start(t: Scope, env: NodeJS.ProcessEnv, readyPath = "/readyz") {
  const child = await startProcess({ name: "persistence", entry: ENTRY, env, readyPath });
  t.teardown(() => child.stop());
  return child;
}

// These tests mostly wait, each on its own servers.
t.jobs = 3;

t.test("the service starts without MongoDB, and is ready while MongoDB is there", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  await db.kill("SIGKILL");
  const child = await start(t, { NATS_URL: log.url, MONGODB_URL: url }, "/livez");
  const ready = async () => (await fetch(`${child.url}/readyz`)).status;
  t.equal(await ready(), 503);
  await db.restart();
  await eventually("ready", async () => (await ready()) === 200).catch((error) =>
    t.fail(`${error}\n${child.output()}`),
  );
  await db.kill("SIGKILL");
  await eventually("not ready", async () => (await ready()) === 503);
  t.ok(child.running);
  await child.kill("SIGTERM");
  t.strictSame(await child.exited, { code: 0, signal: null });
});

t.test("without NATS the service serves history and metrics, and becomes ready once NATS is there", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const env = { NATS_URL: log.url, MONGODB_URL: freshDatabase(db) };
  const publisher = await openPublisher(t, log.url);
  await publisher.publish(message("a", "before"));
  const texts = async (url: string) => {
    const answer = await fetch(`${url}/v1/rooms/a/messages`);
    const page = answer.ok ? await answer.json() : { messages: [] };
    return page.messages.map(({ message }: { message: string }) => message);
  };
  const first = await start(t, env);
  await eventually("stored", async () => (await texts(first.url)).includes("before"));
  // Without NATS history ends at the position that MongoDB remembers.
  const inside = lookInside(t, env.MONGODB_URL);
  const saved = async () => (await inside.dump("state")).find(({ _id }) => _id === "floor");
  await eventually("the position is saved", async () => /1$/.test((await saved())?.place ?? ""));
  await first.stop();
  await log.kill("SIGKILL");

  const child = await start(t, env, "/livez");
  await eventually("history", async () => (await texts(child.url)).includes("before"));
  const metrics = await fetch(`${child.url}/metrics`);
  t.equal(metrics.status, 200);
  t.match(await metrics.text(), /^madang_log_connected 0$/m);
  const readiness = await fetch(`${child.url}/readyz`);
  t.equal(readiness.status, 503);
  t.match(await readiness.json(), { missing: { nats: String } });
  await eventually("the reason in its log", () => /NATS cannot be reached/.test(child.output()));

  await log.restart();
  await eventually("ready", async () => (await fetch(`${child.url}/readyz`)).ok);
});

t.test("without JetStream the service is not ready and says what to do", async (t) => {
  const db = await mongod(t);
  const port = await freePort();
  const off = await startNats({ port, configText: "jetstream: disabled" });
  t.teardown(() => off.stop());
  const child = await start(t, { NATS_URL: off.url, MONGODB_URL: freshDatabase(db) }, "/livez");
  const ready = async () => (await fetch(`${child.url}/readyz`)).json();
  const isOff = async () => /start nats-server with -js/.test((await ready()).missing?.nats);
  await eventually("the reason", isOff);
  t.match(await (await fetch(`${child.url}/metrics`)).text(), /^madang_log_connected 0$/m);
  await eventually("the reason in its log", () => /start nats-server with -js/.test(child.output()));
  for (const round of [1, 2]) {
    await off.stop();
    const on = await startNats({ port });
    t.teardown(() => on.stop());
    await eventually("ready", async () => (await ready()).status === "ready");
    if (round === 2) break;
    await on.stop();
    const again = await startNats({ port, configText: "jetstream: disabled" });
    t.teardown(() => again.stop());
    await eventually("not ready any more", isOff);
    await again.stop();
  }
});

t.test("after SIGTERM under load the service exits with 0, and every acknowledged event is stored", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const publisher = await openPublisher(t, log.url);
  await Promise.all(Array.from({ length: 5000 }, (_, i) => publisher.publish(message("a", `${i}`))));
  const inside = lookInside(t, url);
  const stored = () => inside.db.collection("messages").countDocuments();
  const consumer = `persistence-${publisher.epoch}`;
  for (let round = 0; round < 3; round++) {
    const child = await start(t, { NATS_URL: log.url, MONGODB_URL: url });
    if (round < 2) {
      await child.kill("SIGTERM");
      t.strictSame(await child.exited, { code: 0, signal: null });
    }
    const info = await publisher.jsm.consumers.info("CHAT", consumer);
    t.ok((await stored()) >= info.ack_floor.stream_seq);
  }
  await eventually("all is stored, without waiting for the ack wait", async () => (await stored()) === 5000, 5000);
  for (const line of (await start(t, { NATS_URL: log.url, MONGODB_URL: url })).output().trim().split("\n")) {
    t.doesNotThrow(() => JSON.parse(line), line);
  }
});

t.test("a bad setting gives one line without secrets, and exit code 1", { buffered: false }, async (t) => {
  for (const [env, line] of [
    [{ PORT: "x" }, /^The environment variable PORT must be a whole number from 0 to 65535, and is "x"\.\n$/],
    [{ LOG_MAX_BYTES: "0" }, /^The environment variable LOG_MAX_BYTES must be -1 [^\n]*\n$/],
    [{ MONGODB_URL: "http://u:hunter2@x" }, /^The environment variable MONGODB_URL must be like [^\n]*\n$/],
    [
      { MONGODB_URL: "mongodb://u:hunter2@x/a?tlsCAFile=/none" },
      /^The environment variable MONGODB_URL [^\n]*\/none[^\n]*\n$/,
    ],
    [
      { MONGODB_CA_FILE: ENTRY },
      /^The environment variable MONGODB_CA_FILE names a file that has no valid PEM[^\n]*\n$/,
    ],
    [{ NATS_CA_FILE: ENTRY }, /^The environment variable NATS_CA_FILE names a file that has no valid PEM[^\n]*\n$/],
    [{ MONGODB_URL: "mongodb://u:hunter2@" }, /^The environment variable MONGODB_URL is not [^\n]*\n$/],
    [{ MONGODB_URL: "mongodb://u:hunter2@x/a.b" }, /^The environment variable MONGODB_URL is not [^\n]*\n$/],
    [{ NATS_URL: "nats://:x" }, /^The environment variable NATS_URL must be [^\n]*\n$/],
    [{ LOG_LEVEL: "loud" }, /^The environment variable LOG_LEVEL must [^\n]*\n$/],
  ] as const) {
    const { status, stderr, stdout } = spawnSync(process.execPath, [ENTRY], {
      env: { ...process.env, ...env },
      encoding: "utf8",
    });
    t.equal(status, 1);
    t.match(stderr, line);
    t.notMatch(stdout + stderr, "hunter2");
  }
});

t.test("a misspelt setting is named in a warning", async (t) => {
  const { stdout } = spawnSync(process.execPath, [ENTRY], {
    env: { ...process.env, MONGODB_ULR: "mongodb://u:hunter2@x", PORT: "x" },
    encoding: "utf8",
  });
  t.match(JSON.parse(stdout), { level: 40, variable: "MONGODB_ULR", nearest: "MONGODB_URL" });
  t.notMatch(stdout, "hunter2");
});
