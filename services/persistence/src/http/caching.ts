import { createHash } from "node:crypto";
import fastifyCompress from "@fastify/compress";
import type { FastifyInstance } from "fastify";

/** Below this, what is saved in bytes is not worth the work. */
const COMPRESS_FROM_BYTES = 1024;

/**
 * What is read under `/v1` may be kept by who asked, and by nobody in between, and is asked for again before each use:
 * an unchanged page costs a 304 without a body. No page is ever fresh by itself, however old: a message of it may be
 * deleted, or its author erased, and must not be shown from a cache then.
 */
export async function addCaching(app: FastifyInstance): Promise<void> {
  app.addHook("onSend", async (request, reply, payload) => {
    if (!request.routeOptions.url?.startsWith("/v1/")) return payload;
    const isPage = reply.statusCode === 200 && ["GET", "HEAD"].includes(request.method) && typeof payload === "string";
    if (!isPage) {
      reply.header("cache-control", "no-store");
      return payload;
    }
    // Weak: the same page has other bytes where it is compressed.
    const tag = `W/"${createHash("sha256").update(payload).digest("base64url")}"`;
    reply.headers({
      "cache-control": "private, no-cache",
      etag: tag,
      // The edge answers by origin (CORS), and what is said here stands in position of what it would say.
      vary: "accept-encoding, origin",
    });
    if (!names(request.headers["if-none-match"], tag)) return payload;
    reply.code(304).removeHeader("content-type");
    // Fastify takes the body of an answer to HEAD away by itself, and cannot without one.
    return request.method === "HEAD" ? payload : null;
  });
  await app.register(fastifyCompress, {
    encodings: ["br", "gzip"],
    threshold: COMPRESS_FROM_BYTES,
    customTypes: /^application\/json/,
    // Nothing that is sent here is large enough to come compressed, but a bomb may be.
    globalDecompression: false,
  });
}

/** Whether an `If-None-Match` names the tag, by the weak comparison (RFC 9110, 13.1.2). */
function names(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === "*" || [...header.matchAll(/"[^"]*"/g)].some(([quoted]) => quoted === tag.slice(2));
}
