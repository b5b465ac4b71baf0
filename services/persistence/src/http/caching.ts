import { createHash } from "node:crypto";
import fastifyCompress from "@fastify/compress";
import type { FastifyInstance } from "fastify";

/** Compressing smaller bodies costs more than it saves. */
const COMPRESS_FROM_BYTES = 1024;

/**
 * Adds caching headers and compression. A client may store responses of `/v1` but must revalidate them before each use;
 * shared caches must not store them. An unchanged page costs a 304 without a body. No page is fresh without
 * revalidation, however old: one of its messages may be deleted, or its author erased.
 */
export async function addCaching(app: FastifyInstance): Promise<void> {
  app.addHook("onSend", async (request, reply, payload) => {
    if (!request.routeOptions.url?.startsWith("/v1/")) return payload;
    const isCacheable =
      reply.statusCode === 200 && ["GET", "HEAD"].includes(request.method) && typeof payload === "string";
    if (!isCacheable) {
      reply.header("cache-control", "no-store");
      return payload;
    }
    // Weak, because compression changes the bytes.
    const tag = `W/"${createHash("sha256").update(payload).digest("base64url")}"`;
    reply.headers({
      "cache-control": "private, no-cache",
      etag: tag,
      // This header replaces the edge's own. It names the origin because the edge adds CORS headers.
      vary: "accept-encoding, origin",
    });
    if (!matches(request.headers["if-none-match"], tag)) return payload;
    reply.code(304).removeHeader("content-type");
    // Fastify removes the body of a HEAD response itself, and needs one for that.
    return request.method === "HEAD" ? payload : null;
  });
  await app.register(fastifyCompress, {
    encodings: ["br", "gzip"],
    threshold: COMPRESS_FROM_BYTES,
    customTypes: /^application\/json/,
    // Request bodies are too small to need compression, and a compressed one could be a decompression bomb.
    globalDecompression: false,
  });
}

/** Whether `If-None-Match` matches the tag by weak comparison (RFC 9110, 13.1.2). */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === "*" || [...header.matchAll(/"[^"]*"/g)].some(([quoted]) => quoted === tag.slice(2));
}
