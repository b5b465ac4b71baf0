import { spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { nats } from "./support.ts";

const ENTRY = join(import.meta.dirname, "../src/admin-cli.ts");

function cli(args: string[], more: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, MONGODB_URL: "mongodb://u:hunter2@127.0.0.1:1/madang", ...more };
  return spawnSync(process.execPath, [ENTRY, ...args], { env, encoding: "utf8" });
}

t.test("--help exits with 0, a wrong command line with 2", async (t) => {
  const { status, stdout, stderr } = cli(["erase", "--help"]);
  t.equal(status, 0);
  t.match(stdout, "--user-id ID");
  t.equal(stderr, "");
  const wrong: [message: string, ...args: string[]][] = [
    ["The command must be erase or export."],
    ["The command must be erase or export.", "erase", "kim", "--user", "kim"],
    ["Give either --user or --user-id.", "export"],
    ["Give either --user or --user-id.", "export", "--user", "a", "--user-id", "b"],
    ["Unknown option '--all'.", "erase", "--all"],
    [
      "A nickname has 1 to 100 characters, at least one visible, and no control characters. It is not '.' or '..'.",
      "erase",
      "--user",
      "..",
    ],
  ];
  for (const [message, ...args] of wrong) {
    const { status, stderr } = cli(args);
    t.same([status, stderr], [2, `${message} See --help.\n`], args.join(" "));
  }
});

t.test("an unreachable MongoDB gives one line without the password, and exit code 1", async (t) => {
  const log = await nats(t);
  for (const command of ["erase", "export"]) {
    const { status, stdout, stderr } = cli([command, "--user", "kim"], { NATS_URL: log.url });
    t.equal(status, 1);
    t.match(stderr, /^MongoDB is not usable \(.*ECONNREFUSED.*\). Check MONGODB_URL\.\n$/);
    t.notMatch(stdout + stderr, "hunter2");
  }
});

t.test("an export fails when NATS is unreachable, because it would lack the rules", async (t) => {
  const { status, stdout, stderr } = cli(["export", "--user", "kim"], { NATS_URL: "nats://u:hunter2@127.0.0.1:1" });
  t.equal(status, 1);
  t.match(stderr, /^NATS is not usable \(.*\). Check ADMIN_NATS_URL, or NATS_URL\.\n$/);
  t.notMatch(stdout + stderr, "hunter2");
});
