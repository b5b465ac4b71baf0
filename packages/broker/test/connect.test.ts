import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startNats } from "@madang/local-stack";
import t, { type Test } from "tap";
import { connectNats } from "../src/connect.ts";
import { DEFAULT_LOG_SETTINGS, openConsumer, openLog } from "../src/index.ts";

/** Far longer than it takes, and less than what the library would wait by itself. */
const SOON_MS = 15_000;
/** The library's, for a question to JetStream. */
const QUESTION_LIMIT_MS = 5000;

/** A way to a server, on which `treat` may do another thing with a connection, by its number, than pass it on. */
async function wayTo(t: Test, port: number, treat: (number: number, client: Socket, server: Socket) => boolean) {
  let number = 0;
  const sockets = new Set<Socket>();
  const way = createServer((client) => {
    const server = connect({ host: "127.0.0.1", port });
    for (const socket of [client, server]) {
      sockets.add(socket.on("error", () => {}));
      socket.on("close", () => {
        client.destroy();
        server.destroy();
      });
    }
    if (!treat(++number, client, server)) client.pipe(server).pipe(client);
  });
  way.listen(0, "127.0.0.1");
  await once(way, "listening");
  const closeAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(() => {
    closeAll();
    way.close();
  });
  return { url: `nats://127.0.0.1:${(way.address() as AddressInfo).port}`, closeAll };
}

/** A connection, and what it says of itself. */
async function connected(t: Test, url: string) {
  const nc = await connectNats({ url, name: "test" });
  t.teardown(() => nc.close());
  const said: string[] = [];
  void (async () => {
    for await (const { type } of nc.status()) said.push(type);
  })();
  const says = async (type: string, limitMs: number): Promise<boolean> => {
    for (const end = performance.now() + limitMs; !said.includes(type) && performance.now() < end; ) await delay(10);
    return said.includes(type);
  };
  return { nc, says };
}

async function natsFor(t: Test) {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  return nats;
}

// What follows waits most of its time, each on servers of its own.
t.jobs = 4;

t.test("a dead link is noticed also where it takes in no more bytes", async (t) => {
  const nats = await natsFor(t);
  const { nc, says } = await connected(t, nats.url);
  await nats.kill("SIGSTOP");
  const data = Buffer.alloc(500_000);
  for (let sent = 0; sent < 60; sent++) nc.publish("a", data);
  t.ok(await says("disconnect", 2 * SOON_MS));
  await nats.kill("SIGCONT");
  t.ok(await says("reconnect", 2 * SOON_MS));
});

t.test("a dial that nobody answers is given up soon", async (t) => {
  const { url, closeAll } = await wayTo(t, (await natsFor(t)).port, (number) => number === 2);
  const { says } = await connected(t, url);
  closeAll();
  t.ok(await says("reconnect", SOON_MS));
});

t.test("a dial that is cut off in the middle, too", async (t) => {
  const { url, closeAll } = await wayTo(t, (await natsFor(t)).port, (number, client, server) => {
    if (number !== 2) return false;
    server.pipe(client);
    client.once("data", () => client.destroy());
    return true;
  });
  const { says } = await connected(t, url);
  closeAll();
  t.ok(await says("reconnect", SOON_MS));
});

t.test("a question about the log ends with the connection that it was asked over, not by its time-out", async (t) => {
  const nats = await natsFor(t);
  const { url, closeAll } = await wayTo(t, nats.port, () => false);
  const log = openLog({ url, name: "test" }, DEFAULT_LOG_SETTINGS);
  await log.ready;
  t.teardown(() => log.close(0));
  await nats.kill("SIGSTOP");
  const answer = log.checkEpoch().then(
    () => "answered",
    () => "given up",
  );
  closeAll();
  t.equal(await Promise.race([answer, delay(QUESTION_LIMIT_MS / 2, "still waiting")]), "given up");
  await nats.kill("SIGCONT");
});

t.test("when NATS lets us in no more, the log says so, and when it does again, no more", async (t) => {
  const dir = t.testdir();
  const users = (password: string) => `authorization { user: edge, password: ${password} }`;
  const nats = await startNats({ dir, configText: users("one") });
  t.teardown(() => nats.stop());
  const url = nats.url.replace("//", "//edge:one@");
  const log = openLog({ url, name: "test" }, DEFAULT_LOG_SETTINGS);
  await log.ready;
  t.teardown(() => log.close(0));
  const config = join(dir, "nats.conf");
  const change = async (from: string, to: string) => {
    writeFileSync(config, readFileSync(config, "utf8").replace(users(from), users(to)));
    await nats.kill("SIGHUP");
  };
  await change("one", "two");
  for (const end = performance.now() + SOON_MS; !log.trouble?.includes("let us in") && performance.now() < end; )
    await delay(10);
  t.match(log.trouble, /^NATS does not let us in \(.*Authorization/i);
  await change("two", "one");
  for (const end = performance.now() + SOON_MS; log.trouble !== undefined && performance.now() < end; ) {
    // As an edge's audits do: a question that was under way when the connection ended leaves its trouble behind.
    await log.checkEpoch().catch(() => {});
    await delay(10);
  }
  t.equal(log.trouble, undefined);
});

t.test("why there is no connection is told, also where the library dials on without a word", async (t) => {
  const secrets = (name: string) => {
    const dir = join(t.testdirName, name);
    execFileSync("sh", [join(import.meta.dirname, "../../../infra/make-secrets.sh"), dir]);
    return dir;
  };
  const dir = t.testdir();
  const [ours, theirs] = [secrets("ours"), secrets("theirs")];
  const nats = await startNats({
    dir: join(dir, "nats"),
    configText: `tls { cert_file: "${ours}/server.pem", key_file: "${ours}/server-key.pem" }`,
  });
  t.teardown(() => nats.stop());
  const url = nats.url.replace("nats:", "tls:");
  const told: string[] = [];
  const consumer = openConsumer({
    nats: { url, name: "test", caFile: join(theirs, "ca.pem") },
    log: DEFAULT_LOG_SETTINGS,
    onFailure: (what, { message }) => told.push(`${what}: ${message}`),
  });
  t.teardown(() => consumer.close(0));
  for (const end = performance.now() + 2 * SOON_MS; told.length === 0 && performance.now() < end; ) await delay(10);
  t.match(told, [/^the log cannot be reached: NATS is not trusted/], "at the start");
  t.match(consumer.trouble, /^NATS is not trusted/);
  const log = openLog({ url, name: "test", caFile: join(ours, "ca.pem") }, DEFAULT_LOG_SETTINGS);
  await log.ready;
  t.teardown(() => log.close(0));
  for (const file of ["server.pem", "server-key.pem"]) copyFileSync(join(theirs, file), join(ours, file));
  await nats.restart();
  for (const end = performance.now() + 2 * SOON_MS; !log.trouble?.includes("trusted") && performance.now() < end; ) {
    await delay(10);
  }
  t.match(log.trouble, /^NATS is not trusted \(unable to verify[^;]*\): is the CA file/, "and later");
  copyFileSync(join(theirs, "ca.pem"), join(ours, "ca.pem"));
  const connected = () => log.connected && consumer.connected;
  for (const end = performance.now() + SOON_MS; !connected() && performance.now() < end; ) await delay(10);
  t.ok(connected(), "the CA is read anew for each dial");
});

// The clock is everybody's: nothing runs beside it.
t.test("a clock that is set back by an hour keeps nobody from dialling", { buffered: false }, async (t) => {
  const { url, closeAll } = await wayTo(t, (await natsFor(t)).port, () => false);
  const { says } = await connected(t, url);
  const real = Date.now;
  t.intercept(Date, "now", { value: () => real() - 3600_000 });
  closeAll();
  t.ok(await says("reconnect", SOON_MS));
});
