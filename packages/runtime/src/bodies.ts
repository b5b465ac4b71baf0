import { isUtf8 } from "node:buffer";
import { isNestedTooDeep, JSON_MAX_DEPTH, ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";

/**
 * JSON bodies, as Fastify reads them, but for those that would take long to parse, and those that are not UTF-8: what
 * somebody said must not be stored as something else. Nothing else is read. Has to come before the routes.
 */
export function useShallowJson(app: FastifyInstance): void {
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
