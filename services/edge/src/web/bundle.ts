import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { OperatorError } from "@madang/runtime";

const ROOT = join(import.meta.dirname, "../../../..");
const EDGE = join(import.meta.dirname, "../..");
/** The oldest versions that have everything the page uses: `Intl.Segmenter`, `URL.canParse`. */
const BROWSERS = ["chrome120", "firefox125", "safari17"];

export const BUNDLE_DIR = join(EDGE, "dist");

/** Names the files that a bundle was made of, and the digest of their contents. */
const RECORD = "bundle.json";

export interface Bundle {
  readonly script: Buffer;
  readonly style: Buffer;
}

/** @throws OperatorError when there is no bundle */
export function readBundle(dir: string): Bundle {
  try {
    return { script: readFileSync(join(dir, "page.js")), style: readFileSync(join(dir, "style.css")) };
  } catch {
    throw new OperatorError(`${dir} has no page: run npm run build.`);
  }
}

/**
 * Bundles the page's script and style sheet, unless the bundle in the directory was made of the present sources. Several
 * processes may do so at once: a file is replaced as a whole, and the record of a bundle comes after its files.
 * @returns whether there was anything to do
 */
export async function updateBundle(dir: string): Promise<boolean> {
  if (isCurrent(dir)) return false;
  const { build, stop } = await import("esbuild").catch(() => {
    throw new OperatorError(
      "The page's bundle is missing or older than its sources, and esbuild is not installed: install the development dependencies, or set NODE_ENV=production to use the bundle that is there.",
    );
  });
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { page: join(EDGE, "src/web/page/main.ts"), style: join(EDGE, "public/style.css") },
    outdir: dir,
    bundle: true,
    minify: true,
    format: "esm",
    target: BROWSERS,
    legalComments: "none",
    charset: "utf8",
    metafile: true,
    write: false,
  });
  // Its helper process would otherwise stay with this one.
  await stop();
  mkdirSync(dir, { recursive: true });
  for (const { path, contents } of outputFiles) replace(path, contents);
  const inputs = [...Object.keys(metafile.inputs), relative(ROOT, import.meta.filename)].sort();
  replace(join(dir, RECORD), JSON.stringify({ inputs, digest: digestOf(inputs) }));
  return true;
}

/** Compares contents, not times: a checkout or a copy changes only the times. */
function isCurrent(dir: string): boolean {
  try {
    const { inputs, digest } = JSON.parse(readFileSync(join(dir, RECORD), "utf8")) as {
      readonly inputs: readonly string[];
      readonly digest: string;
    };
    return digestOf(inputs) === digest;
  } catch {
    return false;
  }
}

/** @param inputs paths below the root */
function digestOf(inputs: readonly string[]): string {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(`${input}\0`).update(readFileSync(join(ROOT, input)));
  return hash.digest("base64url");
}

function replace(path: string, content: string | Uint8Array): void {
  const temporary = join(dirname(path), `.${process.pid}.new`);
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}
