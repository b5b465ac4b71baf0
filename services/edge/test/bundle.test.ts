import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { readBundle, updateBundle } from "../src/web/bundle.ts";

const run = promisify(execFile);
const WEB = join(import.meta.dirname, "../src/web");

/** Runs a module's text in a process of its own and returns its output. */
async function evaluate(text: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await run(process.execPath, [...args, "--input-type=module", "-e", text], {
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
  });
  return stdout.trim();
}

t.test("the bundle is made once, and again after a source changed", async (t) => {
  const dir = t.testdir({ dist: {} });
  t.throws(() => readBundle(dir), { name: "OperatorError", message: /has no page: run npm run build\.$/ });
  t.equal(await updateBundle(dir), true);
  t.equal(await updateBundle(dir), false);
  t.match(readBundle(dir).script.toString(), "WebSocket");

  const record = join(dir, "bundle.json");
  const { inputs, digest } = JSON.parse(readFileSync(record, "utf8")) as { inputs: string[]; digest: string };
  for (const input of [
    "services/edge/src/web/page/main.ts",
    "services/edge/public/base.css",
    "packages/client/src/client.ts",
    "services/edge/src/web/bundle.ts",
  ]) {
    t.ok(inputs.includes(input), `${input} is one of the sources`);
  }
  writeFileSync(record, JSON.stringify({ inputs, digest: `not ${digest}` }));
  t.equal(await updateBundle(dir), true, "other contents");
  writeFileSync(record, JSON.stringify({ inputs: [...inputs, "removed.ts"], digest }));
  t.equal(await updateBundle(dir), true, "a source is gone");
});

t.test("several processes may make the bundle at once", async (t) => {
  const dir = t.testdir();
  const text = `import { updateBundle } from "${WEB}/bundle.ts"; console.log(await updateBundle("${dir}"));`;
  await Promise.all([1, 2, 3].map(() => evaluate(text)));
  t.same(readdirSync(dir).sort(), ["bundle.json", "page.js", "style.css"], "no temporary file is left");
  t.equal(await updateBundle(dir), false);
});

t.test("an edge in production serves the bundle without esbuild; any other edge brings it up to date", async (t) => {
  const noEsbuild = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(name, context, next) {
        if (name === "esbuild") throw new Error("there is no esbuild");
        return next(name, context);
      },
    });`)}`;
  const dir = t.testdir();
  const serve = `
    import fastify from "fastify";
    import { serveAssets } from "${WEB}/assets.ts";
    const app = fastify();
    const { script } = await serveAssets(app, "${dir}");
    const { statusCode, body } = await app.inject(script);
    console.log(statusCode, body.length);`;
  const inProduction = () => evaluate(serve, ["--import", noEsbuild], { NODE_ENV: "production" });
  const refusal = (output: Promise<string>) => output.catch(({ stderr }: { stderr: string }) => stderr);
  t.match(await refusal(inProduction()), /has no page: run npm run build\./);
  t.match(await refusal(evaluate(serve, ["--import", noEsbuild])), /esbuild is not installed/);

  await updateBundle(dir);
  const served = `200 ${readBundle(dir).script.toString().length}`;
  t.equal(await inProduction(), served);
  rmSync(join(dir, "bundle.json"));
  t.equal(await inProduction(), served, "whatever the sources are");
  t.equal(await evaluate(serve), served);
  t.equal(await updateBundle(dir), false, "the other edge has made it anew");
});
