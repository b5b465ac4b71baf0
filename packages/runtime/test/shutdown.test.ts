import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import t, { type Test } from "tap";

const ROOT = new URL("../../../", import.meta.url);

function start(t: Test, script: string, env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  const source = `import { createLogger, onShutdown, run } from "./packages/runtime/src/index.ts";\n${script}`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", source], {
    cwd: ROOT,
    env: { ...process.env, ...env },
  });
  t.teardown(() => child.kill("SIGKILL"));
  return child;
}

const closing = (close: string) => `
  setInterval(() => {}, 1000);
  onShutdown(createLogger("test", "info"), 600_000, ${close});
  console.log("running");`;

t.test("a signal closes in order and exits with 0", async (t) => {
  const child = start(t, closing("async () => console.log('closed')"));
  const output = text(child.stdout);
  await once(child.stdout, "readable");
  child.kill("SIGTERM");
  t.same(await once(child, "exit"), [0, null]);
  t.match(await output, /^closed$/m);
  t.match(await output, /"stopped"/);
});

t.test("a second signal a while later ends a process that is still closing", async (t) => {
  const child = start(t, closing("() => new Promise(() => {})"));
  const output = text(child.stdout);
  await once(child.stdout, "readable");
  const again = setInterval(() => child.kill("SIGTERM"), 100);
  t.teardown(() => clearInterval(again));
  const startedAt = performance.now();
  t.same(await once(child, "exit"), [1, null]);
  t.ok(performance.now() - startedAt >= 1000, "signals within a second of the first are the same signal");
  t.match(await output, /second SIGTERM/);
});

t.test("a port that is taken is one line on standard error, and exit code 1", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.teardown(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const child = start(
    t,
    `import { createServer } from "node:net";
     import { once } from "node:events";
     await run(async () => void (await once(createServer().listen(${port}, "127.0.0.1"), "listening")));`,
  );
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  t.equal(code, 1);
  t.match(errors, /^listen EADDRINUSE[^\n]* \(HOST and PORT set the address\)\n$/);
});
