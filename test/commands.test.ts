/** Every command of package.json that is ours says what it is for, and what is wrong with a wrong command line. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import t from "tap";

t.setTimeout(300_000);

const ROOT = resolve(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };
const commands = Object.entries(scripts).flatMap(([name, line]) => {
  const [, rest] = /^(?:exec )?node ([^&]+)$/.exec(line) ?? [];
  return rest === undefined ? [] : [[name, rest.split(" ")] as const];
});

t.same(
  commands.map(([name]) => name),
  ["start", "build", "bench", "bench:compare", "chaos", "erase", "export", "fuzz", "attack"],
);

function run(args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT }, (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
  });
}

for (const [name, line] of commands) {
  t.test(`npm run ${name}`, async (t) => {
    const [help, wrong] = await Promise.all([run([...line, "--help"]), run([...line, "--what"])]);
    t.match(help, { code: 0, err: "" });
    t.ok(help.out.includes(name), "it names the command");
    t.match(wrong, { code: 2, out: "", err: /^[^\n]*--what[^\n]*see --help\.\n$/i });
  });
}

t.test("make-secrets.sh puts them where MADANG_SECRETS has Compose look for them", async (t) => {
  const dir = join(t.testdir(), "secrets");
  const script = join(ROOT, "infra/make-secrets.sh");
  const { status, stderr } = spawnSync("sh", [script], {
    env: { ...process.env, MADANG_SECRETS: dir },
    encoding: "utf8",
  });
  t.equal(status, 0, stderr);
  for (const name of ["nats", "mongo", "persistence", "edge"]) t.ok(existsSync(join(dir, `${name}.env`)), name);
});
