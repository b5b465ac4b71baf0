import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";
import type { FastifyInstance } from "fastify";

/** The content is part of the URL, so a copy is good for ever. */
const CACHE_CONTROL = "public, max-age=31536000, immutable";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** URLs of what the pages load. */
export interface Assets {
  readonly script: string;
  readonly style: string;
  readonly icon: string;
}

/**
 * Bundles the page script and the style sheet, and serves them from memory. Services have no build step, so this
 * happens at start; it takes some 50 ms, and esbuild's process is gone afterwards.
 */
export async function serveAssets(app: FastifyInstance): Promise<Assets> {
  const bundle = await build({
    entryPoints: { page: file("page/main.ts"), style: file("../../public/style.css") },
    outdir: "assets",
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome108", "firefox121", "safari16.4"],
    legalComments: "none",
    charset: "utf8",
    write: false,
  });
  const output = (ending: string) => bundle.outputFiles.find((output) => output.path.endsWith(ending))!.contents;

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
    script: serve("page", "js", "text/javascript; charset=utf-8", output(".js")),
    style: serve("style", "css", "text/css; charset=utf-8", output(".css")),
    icon: serve("favicon", "svg", "image/svg+xml", icon),
  };
}
