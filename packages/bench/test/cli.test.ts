import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { readOptions } from "../src/options.ts";

function run(file: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(import.meta.dirname, "../src", file), ...args], (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}

t.test("options", async (t) => {
  const names = (some: readonly { readonly name: string }[] | undefined) => some?.map(({ name }) => name);
  const chosen = readOptions(["--scenario", "1x100,idle", "--peer", "madang", "--seconds", "3"])!;
  t.same(names(chosen.scenarios), ["1x100", "idle"]);
  t.same(names(chosen.peers), ["madang"]);
  t.equal(chosen.seconds, 3);
  t.same(names(readOptions(["--scale"])!.scenarios), ["members", "rooms", "edges", "pages"]);
  t.equal(readOptions(["-h"]), undefined);
  for (const wrong of [
    ["--scenario", "2x2"],
    ["--peer", "irc"],
    ["--seconds", "0"],
    ["--seconds", "x"],
    ["--what"],
    ["x"],
  ]) {
    t.throws(() => readOptions(wrong), { name: "UsageError" }, wrong.join(" "));
  }
});

t.test("bench:compare exits with 1 on a clear regression only", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "madang-bench-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = (name: string, cpuUs: number) => {
    const path = join(dir, name);
    const measurements = [
      { scenario: "1x100", peer: "madang", metrics: { cpuUs } },
      { scenario: "1x100", peer: "centrifugo", metrics: { cpuUs: 5 } },
    ];
    writeFileSync(path, JSON.stringify({ at: "", machine: "", command: "", measurements }));
    return path;
  };
  const baseline = file("baseline.json", 2);
  t.equal((await run("compare-main.ts", file("same.json", 2.1), baseline)).code, 0);
  const worse = await run("compare-main.ts", file("worse.json", 4), baseline);
  t.equal(worse.code, 1);
  t.match(worse.out, "ratio to centrifugo: 100 % worse");
  const missing = await run("compare-main.ts", join(dir, "none.json"), baseline);
  t.match(missing, { code: 2, err: /none\.json does not exist: npm run bench creates it\.\n$/ });
  writeFileSync(join(dir, "half.json"), "{");
  const half = await run("compare-main.ts", join(dir, "half.json"), baseline);
  t.match(half, { code: 2, err: /half\.json cannot be read \(not JSON\): npm run bench creates it\.\n$/ });
});
