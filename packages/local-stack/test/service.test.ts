import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { freePort, startProcess } from "../src/index.ts";
import { tempDir } from "./helpers.ts";

t.test("compiled code is kept in CACHE_DIR, or nowhere if that cannot be written", async (t) => {
  const dir = tempDir(t);
  // `npm test` sets another directory for the compiled tests.
  const before = { ...process.env };
  delete process.env["NODE_COMPILE_CACHE"];
  t.teardown(() => {
    process.env = before;
  });
  const entry = join(import.meta.dirname, "../../../services/persistence/src/main.ts");
  const run = async () => {
    const env = { NATS_URL: `127.0.0.1:${await freePort()}`, MONGODB_URL: `mongodb://127.0.0.1:${await freePort()}/x` };
    const child = await startProcess({ name: "persistence", entry, env, readyPath: "/livez" });
    await child.stop();
  };
  process.env["CACHE_DIR"] = dir;
  await run();
  t.same(readdirSync(dir), ["compiled"]);
  t.ok(readdirSync(join(dir, "compiled"), { recursive: true }).length > 10);
  process.env["CACHE_DIR"] = "/dev/null/none";
  await t.resolves(run());
});
