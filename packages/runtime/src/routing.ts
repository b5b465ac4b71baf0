import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { problem, sendErrorProblem, sendProblem } from "./problem.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Of the routes that lead to a path, in order; with `named`, of those alone that name it to its end. See {@link useMethods}. */
    methodsAt?(path: string, options?: { named: boolean }): string[];
  }
}

/** Where CORS listens, whether there is anything or not. */
const EVERY_PATH = new Set(["*", "/*"]);

/** Makes every failure of a route, of validation and of routing a problem from the closed table. */
export function useProblems(app: FastifyInstance): void {
  app.setNotFoundHandler(sendNotFound);
  app.setErrorHandler(sendErrorProblem);
}

/** A not-found handler. */
export function sendNotFound(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(reply, problem("not_found"));
}

/**
 * Answers 405 with `Allow` where a path has routes, but none of the method (RFC 9110, 15.5.6): before its body is looked
 * at, and as a problem to browsers, too. Has to come before the routes, and after what gives every answer its headers.
 */
export function useMethods(app: FastifyInstance): void {
  const known = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  app.decorate("methodsAt", (path: string, { named } = { named: false }) => {
    const there = [...known].filter(([url, { pattern }]) => pattern.test(path) && !(named && url.endsWith("*")));
    return [...new Set(there.flatMap(([, { methods }]) => [...methods]))].sort();
  });
  app.addHook("onRoute", ({ url, method }) => {
    if (EVERY_PATH.has(url)) return;
    const route = known.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    known.set(url, route);
    // No route of ours answers OPTIONS: where one takes it, it is to hand it on to who knows.
    for (const each of [method].flat()) if (each !== "OPTIONS") route.methods.add(each);
  });
  // Not before: who hangs up a refused handshake has to have seen it.
  app.addHook("preParsing", (request, reply, _payload, done) => {
    if (!request.is404 || !refuseMethod(request, reply)) done(null);
  });
  // The route of every path is for preflights, which ask about another method than their own.
  app.addHook("onRequest", ({ routeOptions, headers }, reply, done) => {
    const isOptions = EVERY_PATH.has(routeOptions.url ?? "") && !headers["access-control-request-method"];
    if (!isOptions || headers.upgrade !== undefined || !refuseMethod(reply.request, reply)) done();
  });
}

/** The path that is asked for, as the router reads it. A URL that cannot be decoded gets to no route, and to no hook. */
export function pathOf({ raw }: FastifyRequest): string {
  return decodeURI(raw.url?.split(/[?#]/, 1)[0] ?? "");
}

/** False, and nothing answered, where the method is not what is wrong. */
function refuseMethod(request: FastifyRequest, reply: FastifyReply): boolean {
  const methods = request.server.methodsAt?.(pathOf(request)) ?? [];
  if (methods.length === 0 || methods.includes(request.method)) return false;
  reply.header("allow", methods.join(", "));
  sendProblem(reply, problem("bad_request", { status: 405, detail: "This resource does not know the method." }));
  return true;
}

/** Of a route's URL: `:name` is one part of a path, `*` any rest of it. */
function patternOf(url: string): RegExp {
  const parts = url.split("/").map((part) => {
    if (part === "*") return ".*";
    return part.startsWith(":") ? "[^/]+" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("/")}$`, "s");
}
