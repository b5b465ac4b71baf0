/**
 * `npm run pack -w @madang/client`: builds the SDK as a package for other projects. Node does not strip types below
 * `node_modules`, and the protocol is not published. The package therefore has one JavaScript module that includes the
 * protocol, and the type declarations of both.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { build } from "esbuild";

const ROOT = resolve(import.meta.dirname, "../..");
const DIST = join(import.meta.dirname, "dist");
const TYPES = join(DIST, "types");
/** Entry of the protocol's declarations in the package. */
const PROTOCOL = join(TYPES, "protocol/src/browser.ts");

function emitTypes(): void {
  const { status } = spawnSync(
    join(ROOT, "node_modules/.bin/tsc"),
    [
      // One thread: tsc also finds the protocol below node_modules, and with several threads the order of discovery
      // decides whether it emits those files.
      ...[
        "--singleThreaded",
        "--ignoreConfig",
        "--declaration",
        "--emitDeclarationOnly",
        "--allowImportingTsExtensions",
        "--strict",
      ],
      ...["--target", "es2024", "--lib", "es2024,dom", "--module", "nodenext", "--skipLibCheck"],
      ...["--exactOptionalPropertyTypes", "--rootDir", join(ROOT, "packages"), "--outDir", TYPES],
      ...[join(ROOT, "packages/client/src/index.ts"), join(ROOT, "packages/protocol/src/browser.ts")],
    ],
    { cwd: ROOT, stdio: "inherit" },
  );
  if (status !== 0) throw new Error("tsc could not emit the type declarations.");
  for (const path of readdirSync(TYPES, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".d.ts")) continue;
    const file = join(TYPES, path);
    const protocol = relative(join(file, ".."), PROTOCOL);
    const text = readFileSync(file, "utf8")
      .replaceAll('"@madang/protocol/browser"', JSON.stringify(protocol))
      .replace(/(["']\.[^"']*)\.ts(["'])/g, "$1.js$2");
    writeFileSync(file, text);
  }
}

function describe(): object {
  const own = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8"));
  const protocol = JSON.parse(readFileSync(join(ROOT, "packages/protocol/package.json"), "utf8"));
  const { name, version, license, description, type } = own;
  return {
    ...{ name, version, license, description, type },
    engines: { node: ">=22" },
    sideEffects: false,
    exports: { ".": { types: "./types/client/src/index.d.ts", default: "./index.js" } },
    // Only the declarations need it; the code does not.
    dependencies: { typebox: protocol.dependencies.typebox },
    files: ["index.js", "types"],
  };
}

rmSync(DIST, { recursive: true, force: true });
await build({
  entryPoints: [join(import.meta.dirname, "src/index.ts")],
  outfile: join(DIST, "index.js"),
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  charset: "utf8",
});
emitTypes();
writeFileSync(join(DIST, "package.json"), `${JSON.stringify(describe(), undefined, 2)}\n`);
copyFileSync(join(import.meta.dirname, "README.md"), join(DIST, "README.md"));
copyFileSync(join(ROOT, "LICENSE"), join(DIST, "LICENSE"));
