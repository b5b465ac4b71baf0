import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Admin } from "./admin.ts";
import type { Fields } from "./forms.ts";
import type { Sessions } from "./session.ts";

const LOGINS_PER_MINUTE = 10;

/**
 * The path of the login page for a request without a session. It leads back to the requested page. A form cannot be
 * repeated after the login, so it leads back to the form's page, with a notice.
 */
export function loginPath({ method, url, headers }: FastifyRequest): string {
  const isForm = method !== "GET" && method !== "HEAD";
  const next = isForm ? URL.parse(headers.referer ?? "") : URL.parse(url, "http://here");
  const query = { ...(isForm ? { lost: "1" } : {}), next: adminPath(next ? next.pathname + next.search : "") };
  return query.next === "/admin/" && !isForm ? "/admin/login" : `/admin/login?${new URLSearchParams(query)}`;
}

/**
 * Limits a path to the admin pages, so that a login never redirects elsewhere. Drops the notice of an earlier form,
 * which would seem to be about the form that was lost.
 */
function adminPath(path: unknown): string {
  const url = typeof path === "string" ? URL.parse(path, "http://here") : null;
  const isHere = url?.origin === "http://here" && url.pathname.startsWith("/admin/") && url.pathname !== "/admin/login";
  url?.searchParams.delete("notice");
  return isHere ? url.pathname + url.search : "/admin/";
}

export function loginRoutes(app: FastifyInstance, sessions: Sessions, show: Admin["show"]): void {
  app.get("/admin/login", async (request, reply) => {
    const { lost, next } = request.query as Fields;
    return show(request, reply, "login.eta", { title: "Log in", lost: lost !== undefined, next: adminPath(next) });
  });

  const rateLimit = {
    max: LOGINS_PER_MINUTE,
    timeWindow: 60_000,
    errorResponseBuilder: (_request: unknown, { ttl }: { ttl: number }) =>
      new ProtocolError("rate_limited", { retryAfter: ttl / 1000 }),
  };
  app.post("/admin/login", { config: { rateLimit } }, async (request, reply) => {
    const { token, next: requested } = (request.body ?? {}) as Fields;
    const next = adminPath(requested);
    if (typeof token !== "string" || !sessions.isToken(token)) {
      request.log.warn("a login to the admin page was refused");
      const page = { title: "Log in", error: "The token is wrong.", lost: false, next };
      return show(request, reply.code(403), "login.eta", page);
    }
    sessions.start(request, reply);
    request.log.info("a moderator logged in");
    return reply.redirect(next, 303);
  });

  // It needs no CSRF token: SameSite keeps other sites from sending it, and it could only log a moderator out.
  app.post("/admin/logout", async (request, reply) => {
    sessions.end(request, reply);
    return reply.redirect("/admin/login", 303);
  });
}
