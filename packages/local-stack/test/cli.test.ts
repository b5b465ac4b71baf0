import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { eventually, HttpClient, plain } from "@madang/test-kit";
import t from "tap";
import { freePort } from "../src/index.ts";
import { exists, type Run, startCli, tempDir } from "./helpers.ts";

interface State {
  readonly edges: readonly { pid: number; port: number }[];
  readonly persistences: readonly { pid: number; port: number }[];
  readonly nats: readonly { pid: number; port: number }[];
  readonly mongod: readonly { pid: number; port: number }[];
}

/** A start takes its time on a busy machine. */
const START = { limitMs: 60_000 };

const ready = (run: Run) => eventually(() => run.output().includes("Madang is ready: "), START);

/** The first of `count` consecutive ports of loopback that are free now. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await freePort();
    const servers = Array.from({ length: count }, (_, i) => createServer().listen(first + i, "127.0.0.1"));
    const outcomes = await Promise.allSettled(servers.map((server) => once(server, "listening")));
    for (const server of servers) server.close();
    if (outcomes.every(({ status }) => status === "fulfilled")) return first;
  }
}

t.test("npm start starts everything, keeps it running, and stops all of it", async (t) => {
  const DATA_DIR = tempDir(t);
  const ports = { PORT: String(await freePorts(2)), PERSISTENCE_PORT: String(await freePort()) };
  const env = { DATA_DIR, EDGES: "2", ...ports };
  const state = () => JSON.parse(readFileSync(join(DATA_DIR, "stack.json"), "utf8")) as State;
  const pids = () => Object.values(state()).flatMap((role: State["edges"]) => role.map(({ pid }) => pid));
  writeFileSync(join(DATA_DIR, "stack.json"), '{"edges":[{"pid":1,"port":1}]}\n', { flag: "w" });

  const first = startCli(t, { ...env, ALOWED_ORIGINS: "*" });
  await ready(first);
  t.match(first.output(), `Madang is ready: http://127.0.0.1:${ports.PORT}/ (and http://127.0.0.1:`);
  const misspelt = "warning: unknown setting ALOWED_ORIGINS is ignored: did you mean ALLOWED_ORIGINS?";
  t.equal(first.output().split("\n")[0], misspelt, "a misspelt setting is the first line");
  t.match(first.output(), `\nedge-1: ${misspelt}\n`, "warnings of the services are shown");
  const { edges, persistences, nats, mongod } = state();
  t.strictSame(
    [edges, persistences, nats, mongod].map((role) => role.length),
    [2, 1, 1, 1],
  );
  t.strictSame([edges[0]?.port, edges[1]?.port], [Number(ports.PORT), Number(ports.PORT) + 1]);
  t.equal(persistences[0]?.port, Number(ports.PERSISTENCE_PORT));
  t.ok(pids().every(exists));
  for (const name of ["nats", "mongod", "persistence-1", "edge-1", "edge-2"]) {
    t.ok(existsSync(join(DATA_DIR, "logs", `${name}.log`)), `${name} has its log`);
  }

  // A message sent to one edge arrives at the other.
  const [a, b] = [await plain(t, edges[0]!, "yard"), await plain(t, edges[1]!, "yard")];
  await eventually(() => {
    a.send({ message: "안녕", user: "민수" });
    return b.texts.includes("안녕");
  });

  const second = startCli(t, { ...env, PORT: String(await freePorts(2)), PERSISTENCE_PORT: String(await freePort()) });
  t.equal(await second.code, 1, "a second system on the same data is refused");
  t.equal(second.output(), `Madang already runs on ${DATA_DIR}: stop it, or set DATA_DIR to another directory.\n`);

  for (const role of ["nats", "mongod", "persistences", "edges"] as const) {
    const { pid } = state()[role][0]!;
    process.kill(pid, "SIGKILL");
    await eventually(() => state()[role][0]!.pid !== pid, START);
    t.match(first.output(), `(pid ${pid}) was killed by SIGKILL: restarting it`);
  }
  t.match(state(), { nats: [{ port: nats[0]?.port }], mongod: [{ port: mongod[0]?.port }] }, "ports are kept");

  const last = pids();
  // A Ctrl-C under npm arrives twice: from the terminal and from npm.
  first.process.kill("SIGINT");
  first.process.kill("SIGINT");
  t.equal(await first.code, 0);
  t.match(first.output(), /Stopping\.\n[\s\S]*Stopped\.\n$/);
  t.notOk(last.some(exists), "no process is left");
  t.notOk(existsSync(join(DATA_DIR, "stack.json")));
  const log = (name: string) => join(DATA_DIR, "logs", `${name}.log`);
  t.match(readFileSync(log("mongod"), "utf8"), "Now exiting", "a process that stops by itself is not killed");
  t.match(readFileSync(log("nats"), "utf8"), "Server Exiting");
  const endedAt = ["edge-1", "persistence-1", "mongod", "nats"].map((name) => statSync(log(name)).mtimeMs);
  t.strictSame(
    endedAt,
    endedAt.toSorted((a, b) => a - b),
    "in order",
  );

  const unclean = startCli(t, env);
  await ready(unclean);
  const orphans = pids();
  unclean.process.kill("SIGKILL");
  await eventually(() => !orphans.some(exists));
  t.ok(existsSync(join(DATA_DIR, "stack.json")), "an unclean stop leaves this behind");

  const third = startCli(t, env);
  await ready(third);
  t.notOk(pids().some((pid) => orphans.includes(pid)));
  const http = new HttpClient(edges[0]!);
  await eventually(async () => (await http.texts("yard")).includes("안녕"));
  t.pass("earlier messages are still there");
  third.process.kill("SIGTERM");
  t.equal(await third.code, 0);
});

t.test("a signal during the start leaves nothing behind", async (t) => {
  const DATA_DIR = tempDir(t);
  const run = startCli(t, { DATA_DIR, PORT: String(await freePort()), PERSISTENCE_PORT: String(await freePort()) });
  await eventually(() => run.output().includes("nats-server is ready"), START);
  const pid = Number(/nats-server is ready \(port \d+, pid (\d+)\)/.exec(run.output())?.[1]);
  run.process.kill("SIGTERM");
  t.equal(await run.code, 0);
  t.notOk(exists(pid));
});

t.test("a signal to npm stops the system", async (t) => {
  const npm = spawn("npm", ["start"], {
    cwd: join(import.meta.dirname, "../../.."),
    env: {
      ...process.env,
      DATA_DIR: tempDir(t),
      PORT: String(await freePort()),
      MONGODB_URL: "mongodb+srv://x.invalid/",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  npm.stdout.on("data", (chunk) => (output += chunk));
  t.teardown(() => npm.kill("SIGKILL"));
  await eventually(() => output.includes("nats-server is ready"), START);
  const pid = Number(/nats-server is ready \(port \d+, pid (\d+)\)/.exec(output)?.[1]);
  npm.kill("SIGTERM");
  await eventually(() => !exists(pid));
  t.match(output, "Stopping.");
});
