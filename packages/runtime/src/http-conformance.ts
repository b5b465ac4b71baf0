import type { IncomingMessage } from "node:http";
import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { PROBLEM_CONTENT_TYPE, problem, sendProblem, writeProblem } from "./problem.ts";

/** For Fastify's `http` option. Node would answer a request without `Host` itself, without a body. */
export const CONFORMANCE_OPTIONS = { requireHostHeader: false } as const;

const NO_CONTENT = 204;
const METHOD_NOT_ALLOWED = 405;
const EXPECTATION_FAILED = 417;
const VERSION_NOT_SUPPORTED = 505;
/** The target of a request about the server as a whole (RFC 9112, 3.2.4), valid for OPTIONS only. */
const WHOLE_SERVER = "*";
/** A name or an address with an optional port (RFC 9112, 3.2, and RFC 3986, 3.2.2). It may be empty. */
const HOST = /^(?:\[[\da-fv:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

/**
 * Checks what HTTP requires of a request, independent of its route, and answers violations with a problem:
 * - `Host` is missing, repeated, or not a host (RFC 9112, 3.2): 400
 * - an HTTP version other than 1.0 and 1.1: 505
 * - an unknown `Expect` (RFC 9110, 10.1.1): 417
 * - CONNECT: 405
 *
 * `OPTIONS *`, which is a ping (RFC 9110, 9.3.7), is answered with 204. Needs {@link CONFORMANCE_OPTIONS}.
 */
export function addHttpConformance(app: FastifyInstance): void {
  // Not in onRequest: the WebSocket plugin has to see a refused handshake first, to close its socket.
  app.addHook("preParsing", ({ raw, method }, reply, _payload, done) => {
    if (!raw.httpVersion.startsWith("1.")) {
      sendProblem(reply, problem("bad_request", { status: VERSION_NOT_SUPPORTED, detail: "Use HTTP/1.1." }));
      return;
    }
    if (!hasOneHost(raw)) {
      return done(new ProtocolError("bad_request", { field: "host", message: "Send one valid Host header." }));
    }
    if (raw.url !== WHOLE_SERVER) return done(null);
    if (method === "OPTIONS") reply.code(NO_CONTENT).send();
    else sendProblem(reply, problem("bad_request"));
  });
  app.server.on("checkExpectation", (_request, response) => {
    const body = problem("bad_request", { status: EXPECTATION_FAILED, field: "expect" });
    response.writeHead(body.status, { "content-type": PROBLEM_CONTENT_TYPE }).end(JSON.stringify(body));
  });
  app.server.on("connect", (_request, socket) => {
    // Node has detached the socket from HTTP: without a listener, its errors would end the process.
    socket.on("error", () => socket.destroy());
    writeProblem(socket, problem("bad_request", { status: METHOD_NOT_ALLOWED }), { Allow: "" });
    socket.once("finish", () => socket.destroy());
    socket.end();
  });
}

function hasOneHost({ httpVersion, headers: { host }, rawHeaders }: IncomingMessage): boolean {
  if (host === undefined) return httpVersion === "1.0";
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts === 1 && HOST.test(host);
}
