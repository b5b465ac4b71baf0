import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Child, startProcess } from "@madang/local-stack";
import t, { type Test } from "tap";
import { full, natsFor, until } from "./support.ts";

interface Line {
  readonly pid: number;
  readonly level: number;
  readonly msg: string;
  readonly worker?: number;
}

const ENTRY = join(import.meta.dirname, "../src/main.ts");

async function twoProcesses(t: Test, drainMs: string): Promise<Child> {
  const nats = await natsFor(t);
  const env = { NATS_URL: nats.url, EDGE_PROCESSES: "2", DRAIN_MS: drainMs };
  const edge = await startProcess({ name: "edge", entry: ENTRY, env });
  t.teardown(() => edge.stop());
  return edge;
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

t.test("EDGE_PROCESSES: one that is killed is replaced while the other serves, and all end together", async (t) => {
  const edge = await twoProcesses(t, "0");
  const lines = () =>
    readFileSync(edge.logFile, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  const serving = () => [...new Set(lines().flatMap(({ msg, pid }) => (/listening/.test(msg) ? [pid] : [])))];
  await until(() => serving().length === 2);
  const [killed, other] = serving() as [number, number];
  process.kill(killed, "SIGKILL");
  await until(() => !isAlive(killed));
  t.equal((await fetch(`${edge.url}/readyz`)).status, 200);
  await until(() => serving().length === 3);
  t.match(
    lines().find(({ level }) => level === 40),
    { pid: edge.pid, worker: killed, signal: "SIGKILL" },
  );
  t.ok(isAlive(other), "the other one is the same");
  const workers = serving().filter(isAlive);
  t.equal(workers.length, 2);
  await edge.kill("SIGTERM");
  t.strictSame(await edge.exited, { code: 0, signal: null });
  t.notOk(workers.some(isAlive));
});

t.test(
  "EDGE_PROCESSES: all are drained, also when each gets the signal by itself, as systemd and Ctrl-C have it",
  async (t) => {
    const edge = await twoProcesses(t, "300");
    const lines = () =>
      edge
        .output()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line);
    const pids = (msg: RegExp) =>
      [...new Set(lines().flatMap((line) => (msg.test(line.msg) ? [line.pid] : [])))].sort();
    await until(() => pids(/listening/).length === 2);
    const workers = pids(/listening/);
    for (const pid of workers) process.kill(pid, "SIGTERM");
    await edge.kill("SIGTERM");
    t.strictSame(await edge.exited, { code: 0, signal: null });
    t.same(pids(/^stopped$/), workers, edge.output());
  },
);

t.test("EDGE_PROCESSES: who cannot wait for the drain says so twice, as to a single process", async (t) => {
  const edge = await twoProcesses(t, "600000");
  for (let i = 0; i < 8; i++) await full(t, edge, "u");
  const again = setInterval(() => edge.running && process.kill(edge.pid, "SIGTERM"), 500);
  t.teardown(() => clearInterval(again));
  t.strictSame(await edge.exited, { code: 1, signal: null });
});

t.test("EDGE_PROCESSES: where the port is taken that is said, and nothing is tried for ever", async (t) => {
  const nats = await natsFor(t);
  const other = createServer().listen(0, "127.0.0.1");
  t.teardown(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const env = { ...process.env, NATS_URL: nats.url, PORT: `${port}`, EDGE_PROCESSES: "2" };
  const edge = spawn(process.execPath, [ENTRY], { env, stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => void edge.kill("SIGKILL"));
  const [said, complained] = [text(edge.stdout), text(edge.stderr)];
  t.same(await once(edge, "exit"), [1, null]);
  t.match(await complained, /^(listen EADDRINUSE[^\n]*\n){1,2}$/);
  t.notMatch(await said, /starting another/);
});
