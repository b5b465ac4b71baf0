import type { IncomingMessage } from "node:http";
import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { PROBLEM_CONTENT_TYPE, problem, sendProblem, writeProblem } from "./problem.ts";

/** For Fastify's `http`: Node would answer a request without `Host` by itself, and with no body. See {@link useOwnRefusals}. */
export const HOST_CHECKED_BY_US = { requireHostHeader: false } as const;

const NO_CONTENT = 204;
const METHOD_NOT_ALLOWED = 405;
const EXPECTATION_FAILED = 417;
const VERSION_NOT_SUPPORTED = 505;
/** What is asked of the server as a whole (RFC 9112, 3.2.4), which only OPTIONS can. */
const THE_SERVER = "*";
/** A name or an address, and perhaps a port (RFC 9112, 3.2, and RFC 3986, 3.2.2). It may be empty. */
const HOST = /^(?:\[[\da-fv:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

/**
 * What Node refuses before any route is asked has a problem for its body, too: HTTP/1.1 without `Host`, an `Expect`
 * that nobody knows (RFC 9110, 10.1.1), and CONNECT, which leads nowhere. So has what Node takes: a second `Host`, of which
 * two readers might each take another one, or one that is none (RFC 9112, 3.2), and a request in a version that was said to
 * be another than ours, or not said. `OPTIONS *` is a ping (RFC 9110, 9.3.7).
 */
export function useOwnRefusals(app: FastifyInstance): void {
  // Not before: who hangs up a refused handshake has to have seen it.
  app.addHook("preParsing", ({ raw, method }, reply, _payload, done) => {
    if (!raw.httpVersion.startsWith("1.")) {
      sendProblem(reply, problem("bad_request", { status: VERSION_NOT_SUPPORTED, detail: "HTTP/1.1 is spoken here." }));
      return;
    }
    if (!namesItsHost(raw)) {
      return done(new ProtocolError("bad_request", { field: "host", message: "A request names its host, once." }));
    }
    if (raw.url !== THE_SERVER) return done(null);
    if (method === "OPTIONS") reply.code(NO_CONTENT).send();
    else sendProblem(reply, problem("bad_request"));
  });
  app.server.on("checkExpectation", (_request, response) => {
    const body = problem("bad_request", { status: EXPECTATION_FAILED, field: "expect" });
    response.writeHead(body.status, { "content-type": PROBLEM_CONTENT_TYPE }).end(JSON.stringify(body));
  });
  app.server.on("connect", (_request, socket) => {
    // Node has let go of the socket: what goes wrong with it is nobody else's to hear.
    socket.on("error", () => socket.destroy());
    writeProblem(socket, problem("bad_request", { status: METHOD_NOT_ALLOWED }), { Allow: "" });
    socket.once("finish", () => socket.destroy());
    socket.end();
  });
}

function namesItsHost({ httpVersion, headers: { host }, rawHeaders }: IncomingMessage): boolean {
  if (host === undefined) return httpVersion === "1.0";
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts === 1 && HOST.test(host);
}
