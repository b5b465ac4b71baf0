import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build, stop } from "esbuild";
import type { FastifyInstance } from "fastify";

/** The content is part of the URL, so a copy is good for ever. */
const CACHE_CONTROL = "public, max-age=31536000, immutable";

/** The first that have all that the page uses: `Intl.Segmenter`, `URL.canParse`. */
const BROWSERS = ["chrome120", "firefox125", "safari17"];

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** URLs of what the pages load. */
export interface Assets {
  readonly script: string;
  readonly style: string;
  readonly icon: string;
}

interface Bundle {
  readonly script: Uint8Array;
  readonly style: Uint8Array;
}

/** Services have no build step, so this happens at start: some 50 ms, once a process. */
async function bundle(): Promise<Bundle> {
  const { outputFiles } = await build({
    entryPoints: { page: file("page/main.ts"), style: file("../../public/style.css") },
    outdir: "assets",
    bundle: true,
    minify: true,
    format: "esm",
    target: BROWSERS,
    legalComments: "none",
    charset: "utf8",
    write: false,
  });
  // Its helper process would otherwise stay with us.
  await stop();
  const output = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))!.contents;
  return { script: output(".js"), style: output(".css") };
}

let bundled: Promise<Bundle> | undefined;

/** Serves the page script, the style sheet and the icon, from memory. */
export async function serveAssets(app: FastifyInstance): Promise<Assets> {
  bundled ??= bundle();
  const { script, style } = await bundled;

  // Half the bytes for a phone, at no cost a request.
  const serve = (name: string, ending: string, type: string, content: Uint8Array): string => {
    const hash = createHash("sha256").update(content).digest("base64url").slice(0, 12);
    const url = `/assets/${name}-${hash}.${ending}`;
    const plain = Buffer.from(content);
    const small = brotliCompressSync(plain);
    app.get(url, { logLevel: "warn", schema: { hide: true } as object }, (request, reply) => {
      reply.type(type).header("cache-control", CACHE_CONTROL).header("vary", "accept-encoding");
      const takesBrotli = /\bbr\b/.test(request.headers["accept-encoding"] ?? "");
      return takesBrotli ? reply.header("content-encoding", "br").send(small) : reply.send(plain);
    });
    return url;
  };
  const icon = await readFile(file("../../public/favicon.svg"));
  return {
    script: serve("page", "js", "text/javascript; charset=utf-8", script),
    style: serve("style", "css", "text/css; charset=utf-8", style),
    icon: serve("favicon", "svg", "image/svg+xml", icon),
  };
}
