import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { PROBLEM_CONTENT_TYPE, problem } from "./problem.ts";

/** For Fastify's `http`: Node would answer a request without `Host` by itself, and with no body. See {@link useOwnRefusals}. */
export const HOST_CHECKED_BY_US = { requireHostHeader: false } as const;

const EXPECTATION_FAILED = 417;

/**
 * What Node refuses before any route is asked has a problem for its body, too: HTTP/1.1 without `Host` (RFC 9112, 3.2),
 * and an `Expect` that nobody knows (RFC 9110, 10.1.1).
 */
export function useOwnRefusals(app: FastifyInstance): void {
  // Not before: who hangs up a refused handshake has to have seen it.
  app.addHook("preParsing", ({ raw: { httpVersion, headers } }, _reply, _payload, done) => {
    if (httpVersion !== "1.1" || headers.host !== undefined) return done(null);
    done(new ProtocolError("bad_request", { field: "host", message: "A request names its host." }));
  });
  app.server.on("checkExpectation", (_request, response) => {
    const body = problem("bad_request", { status: EXPECTATION_FAILED, field: "expect" });
    response.writeHead(body.status, { "content-type": PROBLEM_CONTENT_TYPE }).end(JSON.stringify(body));
  });
}
