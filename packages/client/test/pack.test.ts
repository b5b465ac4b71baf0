/** The SDK as another project installs it: packed, below `node_modules`, with and without types. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import t from "tap";

const ROOT = resolve(import.meta.dirname, "../../..");
/** Without the modules that tap preloads. */
const run = (command: string, args: string[], cwd: string) =>
  promisify(execFile)("env", ["-u", "NODE_OPTIONS", command, ...args], { cwd });

/** Longest bundle, minified and gzipped, in bytes. */
const BUNDLE_MAX_BYTES = 9_500;

/** Declarations that the examples leave to the page. */
const PAGE = `
  declare const indicator: HTMLElement, input: HTMLInputElement, form: HTMLFormElement;
  declare const show: (message: object) => void, amend: (seq: number, text: string) => void;
  declare const remove: (seq: number) => void, reloadHistory: () => void, notify: (text: string) => void;
  declare const lockComposer: () => void;
  declare const showAsSending: (nonce: string, text: string) => void, showFor5s: (text: string) => void;
`;

t.test("the packed SDK is small, runs from JavaScript, and has correct types", async (t) => {
  await run("npm", ["run", "pack", "-w", "@madang/client"], ROOT);
  const dir = t.testdir({
    "package.json": '{ "type": "module" }',
    "app.js": `
      import { MadangClient, MadangError } from "@madang/client";
      const client = new MadangClient({ url: "ws://127.0.0.1:9/ws" });
      const sent = client.join("수다방").send("hello");
      client.connect();
      client.close();
      await sent.catch((error) => console.log(error instanceof MadangError, error.constructor.name, error.code));
    `,
    "app.ts": `
      import { type EventFrame, MadangClient, type Room } from "@madang/client";
      const client = new MadangClient({ url: "ws://127.0.0.1:9/ws" });
      const room: Room = client.join("수다방");
      room.on("message", ({ seq, message, replyTo }): [number, string, number | undefined] => [seq, message, replyTo]);
      room.on("event", (event: EventFrame) => event.type === "edit" && event.target.toFixed());
      // @ts-expect-error: a number
      room.on("message", ({ seq }) => seq.trim());
      // @ts-expect-error: no such event
      room.on("nothing", () => {});
    `,
  });
  const modules = join(dir, "node_modules");
  mkdirSync(join(modules, "@madang/client"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules/typebox"), join(modules, "typebox"));
  const tarball = join(ROOT, "packages/client/dist/madang-client-0.1.0.tgz");
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "@madang/client")], dir);

  const { stdout } = await run(process.execPath, ["app.js"], dir);
  t.equal(stdout, "true MadangError client_closed\n", "and the process ends by itself");

  const bundle = await build({ entryPoints: [join(modules, "@madang/client/index.js")], minify: true, write: false });
  t.ok(gzipSync(bundle.outputFiles[0]!.contents, { level: 9 }).length <= BUNDLE_MAX_BYTES);

  // Checks every declaration, with a type library of 2022 and without the DOM.
  for (const resolution of ["nodenext", "bundler"]) {
    const module = resolution === "bundler" ? "esnext" : resolution;
    const how = ["--module", module, "--moduleResolution", resolution, "--target", "es2022", "--lib", "es2022"];
    await run(join(ROOT, "node_modules/.bin/tsc"), ["--ignoreConfig", "--noEmit", "--strict", ...how, "app.ts"], dir);
    t.pass(resolution);
  }

  // The README's examples, as they are.
  const readme = readFileSync(join(modules, "@madang/client/README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code], i) => {
    const file = `example-${i}.ts`;
    writeFileSync(join(dir, file), code!);
    return file;
  });
  writeFileSync(join(dir, "page.d.ts"), PAGE);
  const how = [
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--lib",
    "es2022,dom",
    "--types",
    "node",
    "--skipLibCheck",
  ];
  const types = ["--typeRoots", join(ROOT, "node_modules/@types"), "page.d.ts", ...examples];
  const args = ["--ignoreConfig", "--noEmit", "--strict", ...how, ...types];
  const { stdout: complaints } = await run(join(ROOT, "node_modules/.bin/tsc"), args, dir).catch((error) => error);
  t.equal(complaints, "", "the README's examples compile");
  t.equal(examples.length, 3);
});
