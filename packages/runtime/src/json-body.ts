import { isUtf8 } from "node:buffer";
import { isNestedTooDeep, JSON_MAX_DEPTH, ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { problem, sendProblem } from "./problem.ts";

const HAS_NO_BODY = new Set(["GET", "HEAD"]);

/**
 * Makes Fastify accept JSON bodies only: valid UTF-8, without compression (RFC 9110, 15.5.16), nested at most
 * `JSON_MAX_DEPTH` levels. Call this before adding routes, and after {@link addMethodNotAllowed}.
 */
export function addJsonBodyParser(app: FastifyInstance): void {
  app.addHook("preParsing", ({ method, headers }, reply, _payload, done) => {
    const coding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
    if (coding === "identity" || coding === "" || HAS_NO_BODY.has(method)) return done(null);
    const options = { field: "content-encoding", detail: "Compressed bodies are not supported." };
    sendProblem(reply.header("accept-encoding", "identity"), problem("unsupported_media_type", options));
  });
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    // Decoding invalid UTF-8 would store a text that differs from the one sent.
    if (!isUtf8(bytes)) return done(new ProtocolError("bad_request", { message: "The body is not valid UTF-8." }));
    const body = bytes.toString();
    if (!isNestedTooDeep(body)) return parse(request, body, done);
    const message = `The body is nested deeper than ${JSON_MAX_DEPTH} levels.`;
    done(new ProtocolError("bad_request", { message }));
  });
}
