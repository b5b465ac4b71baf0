import { isNestedTooDeep, JSON_MAX_DEPTH, ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";

/** JSON bodies, as Fastify reads them, but for those that would take long to parse. Has to come before the routes. */
export function useShallowJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (!isNestedTooDeep(body)) return parse(request, body, done);
    const message = `Bodies are nested ${JSON_MAX_DEPTH} levels deep at most.`;
    done(new ProtocolError("bad_request", { message }));
  });
}
