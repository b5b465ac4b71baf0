import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, natsFor } from "@madang/test-kit";
import t, { type Test } from "tap";
import { connectNats } from "../src/connect.ts";
import { DEFAULT_LOG_SETTINGS, openConsumer, openLog } from "../src/index.ts";

/** Far longer than needed, and shorter than the library's own limits. */
const SOON_MS = 15_000;
/** The library's time limit for a request to JetStream. */
const QUESTION_LIMIT_MS = 5000;

/** A proxy to a server. `treat` may handle a connection, by its number, instead of forwarding it. */
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

/** A connection and its status events. */
async function connected(t: Test, url: string) {
  const nc = await connectNats({ url, name: "test" });
  t.teardown(() => nc.close());
  const said: string[] = [];
  void (async () => {
    for await (const { type } of nc.status()) said.push(type);
  })();
  const says = async (type: string, limitMs: number): Promise<boolean> => {
    await eventually(() => said.includes(type), { limitMs });
    return true;
  };
  return { nc, says };
}

// These tests wait most of their time, each on servers of its own.
t.jobs = 4;

t.test("a dead link is noticed even when it accepts no more bytes", async (t) => {
  const nats = await natsFor(t);
  const { nc, says } = await connected(t, nats.url);
  await nats.kill("SIGSTOP");
  const data = Buffer.alloc(500_000);
  for (let sent = 0; sent < 60; sent++) nc.publish("a", data);
  t.ok(await says("disconnect", 2 * SOON_MS));
  await nats.kill("SIGCONT");
  t.ok(await says("reconnect", 2 * SOON_MS));
});

t.test("a dial without an answer is abandoned within seconds", async (t) => {
  const { url, closeAll } = await wayTo(t, (await natsFor(t)).port, (number) => number === 2);
  const { says } = await connected(t, url);
  closeAll();
  t.ok(await says("reconnect", SOON_MS));
});

t.test("a dial that is cut off in the middle is repeated", async (t) => {
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

t.test("a request for the log's identity fails with its connection, not only after its time limit", async (t) => {
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

t.test("while NATS refuses the credentials, the log's trouble says so", async (t) => {
  const dir = t.testdir();
  const users = (password: string) => `authorization { user: edge, password: ${password} }`;
  const nats = await natsFor(t, { dir, configText: users("one") });
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
  await eventually(() => log.trouble?.includes("refuses the credentials"), { limitMs: SOON_MS });
  t.match(log.trouble, /^NATS refuses the credentials \(.*Authorization/i);
  await change("two", "one");
  const isWell = async () => {
    // As an edge's audits do: a request that failed with the connection leaves its trouble until the next one.
    await log.checkEpoch().catch(() => {});
    return log.trouble === undefined;
  };
  await eventually(isWell, { limitMs: SOON_MS });
});

t.test("the reason of a failed dial is reported, although the library keeps it to itself", async (t) => {
  const secrets = (name: string) => {
    const dir = join(t.testdirName, name);
    execFileSync("sh", [join(import.meta.dirname, "../../../infra/make-secrets.sh"), dir]);
    return dir;
  };
  const dir = t.testdir();
  const [ours, theirs] = [secrets("ours"), secrets("theirs")];
  const nats = await natsFor(t, {
    dir: join(dir, "nats"),
    configText: `tls { cert_file: "${ours}/server.pem", key_file: "${ours}/server-key.pem" }`,
  });
  const url = nats.url.replace("nats:", "tls:");
  const told: string[] = [];
  const consumer = openConsumer({
    nats: { url, name: "test", caFile: join(theirs, "ca.pem") },
    log: DEFAULT_LOG_SETTINGS,
    onFailure: (what, { message }) => told.push(`${what}: ${message}`),
  });
  t.teardown(() => consumer.close(0));
  await eventually(() => told.length > 0);
  t.match(told, [/^the log cannot be reached: NATS has a certificate that is not trusted/], "at the start");
  t.match(consumer.trouble, /^NATS has a certificate that is not trusted/);
  const log = openLog({ url, name: "test", caFile: join(ours, "ca.pem") }, DEFAULT_LOG_SETTINGS);
  await log.ready;
  t.teardown(() => log.close(0));
  for (const file of ["server.pem", "server-key.pem"]) copyFileSync(join(theirs, file), join(ours, file));
  await nats.restart();
  await eventually(() => log.trouble?.includes("trusted"));
  t.match(
    log.trouble,
    /^NATS has a certificate that is not trusted \(unable to verify[^;]*\): check NATS_CA_FILE/,
    "and later",
  );
  copyFileSync(join(theirs, "ca.pem"), join(ours, "ca.pem"));
  await eventually(() => log.connected && consumer.connected, { limitMs: SOON_MS });
  t.pass("each dial reads the CA file again");
});

// Changes the clock of the whole process, so nothing may run beside it.
t.test("a clock that is set back by an hour delays no dial", { buffered: false }, async (t) => {
  const { url, closeAll } = await wayTo(t, (await natsFor(t)).port, () => false);
  const { says } = await connected(t, url);
  const real = Date.now;
  t.intercept(Date, "now", { value: () => real() - 3600_000 });
  closeAll();
  t.ok(await says("reconnect", SOON_MS));
});
