import { isUtf8 } from "node:buffer";
import { isNestedTooDeep, JSON_MAX_DEPTH, ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { problem, sendProblem } from "./problem.ts";

const UNSUPPORTED = 415;
const HAS_NO_BODY = new Set(["GET", "HEAD"]);

/**
 * JSON bodies, as Fastify reads them, but for those that would take long to parse, and those that are not UTF-8: what
 * somebody said must not be stored as something else. Nothing else is read, and nothing that is compressed (RFC 9110,
 * 15.5.16). Has to come before the routes, and after `useMethods`.
 */
export function useShallowJson(app: FastifyInstance): void {
  app.addHook("preParsing", ({ method, headers }, reply, _payload, done) => {
    const coding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
    if (coding === "identity" || coding === "" || HAS_NO_BODY.has(method)) return done(null);
    const options = { status: UNSUPPORTED, field: "content-encoding", detail: "Bodies are not compressed." };
    sendProblem(reply.header("accept-encoding", "identity"), problem("bad_request", options));
  });
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    if (!isUtf8(bytes)) return done(new ProtocolError("bad_request", { message: "Bodies are UTF-8." }));
    const body = bytes.toString();
    if (!isNestedTooDeep(body)) return parse(request, body, done);
    const message = `Bodies are nested ${JSON_MAX_DEPTH} levels deep at most.`;
    done(new ProtocolError("bad_request", { message }));
  });
}
