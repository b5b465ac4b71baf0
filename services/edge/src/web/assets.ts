import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { BUNDLE_DIR, type Bundle, readBundle, updateBundle } from "./bundle.ts";

/** A URL contains the hash of its content, so a copy never becomes stale. */
const CACHE_CONTROL = "public, max-age=31536000, immutable";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** URLs of what the pages load. */
export interface Assets {
  readonly script: string;
  readonly style: string;
  readonly icon: string;
}

/** In production the bundle is part of the image. Elsewhere it follows the sources. */
async function loadBundle(dir: string): Promise<Bundle> {
  if (process.env["NODE_ENV"] !== "production") await updateBundle(dir);
  return readBundle(dir);
}

let loaded: Promise<Bundle> | undefined;

/** Serves the page script, the style sheet and the icon, from memory. @throws OperatorError when production has no bundle */
export async function serveAssets(app: FastifyInstance, bundleDir: string = BUNDLE_DIR): Promise<Assets> {
  loaded ??= loadBundle(bundleDir);
  const { script, style } = await loaded;

  // Compressed once at start: half the bytes for a phone, at no cost per request.
  const serve = (name: string, ending: string, type: string, content: Buffer): string => {
    const hash = createHash("sha256").update(content).digest("base64url").slice(0, 12);
    const url = `/assets/${name}-${hash}.${ending}`;
    const small = brotliCompressSync(content);
    app.get(url, { logLevel: "warn", schema: { hide: true } as object }, (request, reply) => {
      reply.type(type).header("cache-control", CACHE_CONTROL).header("vary", "accept-encoding");
      const takesBrotli = /\bbr\b/.test(request.headers["accept-encoding"] ?? "");
      return takesBrotli ? reply.header("content-encoding", "br").send(small) : reply.send(content);
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
