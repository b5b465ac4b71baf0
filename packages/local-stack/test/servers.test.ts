import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { MongoClient } from "mongodb";
import t from "tap";
import { StartError, startMongod, startNats } from "../src/index.ts";
import { withPort } from "../src/ports.ts";
import { greets } from "../src/wait.ts";
import { exists, tempDir } from "./helpers.ts";

t.test("nats-server restarts on its port after a kill, and leaves nothing behind", async (t) => {
  const nats = await startNats({ sync: "always" });
  t.teardown(() => nats.stop());
  t.ok(await greets("127.0.0.1", nats.port, "INFO "));
  t.match(nats.output(), /JetStream/);
  const first = nats.pid;
  await nats.kill("SIGKILL");
  t.notOk(exists(first), "the process has ended when the kill resolves");
  t.notOk(nats.running);
  await nats.restart();
  t.not(nats.pid, first);
  t.ok(await greets("127.0.0.1", nats.port, "INFO "));
  await Promise.all([nats.stop(), nats.stop()]);
  t.notOk(exists(nats.pid));
  t.notOk(existsSync(dirname(nats.logFile)), "the temporary directory is gone");
  await t.rejects(nats.restart(), StartError, "a stopped child cannot be restarted");
});

t.test("stop also ends a nats-server that SIGSTOP has halted", async (t) => {
  const nats = await startNats({ dir: tempDir(t) });
  await nats.kill("SIGSTOP");
  await nats.stop();
  t.notOk(exists(nats.pid));
});

t.test("stop cancels a restart in progress", async (t) => {
  const nats = await startNats({ dir: tempDir(t) });
  await nats.kill("SIGKILL");
  const restart = t.rejects(nats.restart(), StartError);
  // By then the restart is checking whether its port is free.
  for (let turn = 0; turn < 20; turn++) await undefined;
  await nats.stop();
  await restart;
  const { running } = nats;
  await nats.kill("SIGKILL");
  t.notOk(running);
});

t.test("mongod keeps its data through a kill, a restart and a move to another port", async (t) => {
  const dir = tempDir(t);
  const documents = async (url: string) => {
    const client = new MongoClient(url);
    try {
      const collection = client.db().collection("things");
      await collection.insertOne({}, { writeConcern: { w: "majority", journal: true } });
      return await collection.countDocuments();
    } finally {
      await client.close();
    }
  };
  const mongod = await startMongod({ dir });
  t.teardown(() => mongod.stop());
  t.equal(await documents(mongod.url), 1);
  await mongod.kill("SIGKILL");
  await mongod.restart();
  t.equal(await documents(mongod.url), 2);
  await mongod.restart();
  t.equal(await documents(mongod.url), 3);
  await mongod.stop();
  t.notOk(exists(mongod.pid));

  const moved = await startMongod({ dir });
  t.teardown(() => moved.stop());
  t.not(moved.port, mongod.port);
  t.equal(await documents(moved.url), 4);
});

t.test("a free port that another process takes is replaced by the next; other faults are not retried", async (t) => {
  const occupants = [createServer(), createServer()];
  t.teardown(() => occupants.forEach((occupant) => void occupant.close()));
  const tried: number[] = [];
  const start = async (port: number) => {
    tried.push(port);
    const occupant = occupants[tried.length - 1];
    if (!occupant) return port;
    await once(occupant.listen(port, "127.0.0.1"), "listening");
    throw new Error("in use");
  };
  t.equal(await withPort(undefined, start), tried[2]);
  t.equal(new Set(tried).size, 3);
  const fails = async () => {
    throw new Error("another fault");
  };
  await t.rejects(withPort(undefined, fails), { message: "another fault" });
});

t.test("a server that cannot start reports the reason", async (t) => {
  const configText = "no_such_setting: true";
  await t.rejects(startNats({ configText }), { name: "StartError", message: /no_such_setting/ });
  const nats = await startNats();
  t.teardown(() => nats.stop());
  await t.rejects(startNats({ port: nats.port }), {
    name: "StartError",
    message: /cannot listen on port \d+ \(EADDRINUSE\)/,
  });
});
