import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyHelmet from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import fastifyView from "@fastify/view";
import { ERRORS, ProtocolError } from "@madang/protocol";
import { Eta } from "eta";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { Moderator } from "../moderation/moderator.ts";
import { type Admin, type AdminDeps, NOTICES } from "./admin.ts";
import { deadLetterRoutes } from "./dead-letters.ts";
import { type Fields, lastOfEach, parseForm, textOf } from "./forms.ts";
import { loginPath, loginRoutes } from "./login.ts";
import { messageRoutes } from "./messages.ts";
import { overviewRoutes } from "./overview.ts";
import { peopleRoutes } from "./people.ts";
import { roomRoutes } from "./rooms.ts";
import { ADMIN_TOKEN_MIN_LENGTH, isSame, Sessions } from "./session.ts";

const FORM_MAX_BYTES = 64 * 1024;

/** The pages have no scripts, so a script that a fault of ours lets into a page does not run. */
const SECURITY = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      "default-src": ["'none'"],
      "style-src": ["'self'"],
      "form-action": ["'self'"],
      "base-uri": ["'none'"],
      "frame-ancestors": ["'none'"],
    },
  },
  frameguard: { action: "deny" },
  referrerPolicy: { policy: "same-origin" },
  strictTransportSecurity: false,
} as const;

/** Formats an ISO time for readers, in UTC. Any other text stays as it is. */
const when = (at: unknown) => `${at ?? ""}`.replace(/^([\d-]{10})T([\d:]{8})\.\d+Z$/, "$1 $2 UTC");

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Answers one line that says how to enable the admin page. */
export const adminOff: FastifyPluginAsync = async (app) => {
  const line = `The admin page is off. Set ADMIN_TOKEN (at least ${ADMIN_TOKEN_MIN_LENGTH} characters) to enable it.\n`;
  for (const path of ["/admin", "/admin/*"]) {
    app.all(path, { schema: { hide: true } as object }, async (_request, reply) =>
      reply.code(404).type("text/plain; charset=utf-8").send(line),
    );
  }
};

/**
 * The admin page at `/admin/`, for moderators that have the token. The server renders all pages, without scripts, and
 * escapes all stored text.
 */
export function adminPages(token: string, deps: AdminDeps): FastifyPluginAsync {
  return async (app) => {
    const sessions = new Sessions(token);
    await app.register(fastifyHelmet, SECURITY);
    await app.register(fastifyRateLimit, { global: false });
    await app.register(fastifyView, {
      // A field that is missing from a stored document shows as an empty text.
      engine: { eta: new Eta({ autoEscape: true, autoFilter: true, filterFunction: (value) => `${value ?? ""}` }) },
      root: file("../../views/admin"),
      layout: "layout.eta",
      production: true,
    });
    app.addHook("onRoute", (route) => {
      route.schema = { ...route.schema, hide: true } as object;
    });
    app.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { parseAs: "string", bodyLimit: FORM_MAX_BYTES },
      (_request, body, done) => done(null, parseForm(body as string)),
    );
    app.addHook("onRequest", async (request, reply) => {
      request.query = lastOfEach(request.query as Fields);
      // No cache may keep users' messages after the session ends.
      reply.header("cache-control", "no-store");
    });

    const show: Admin["show"] = (request, reply, view, data) => {
      reply.type("text/html; charset=utf-8");
      const notice = textOf(request.query as Fields, "notice");
      return reply.view(view, {
        page: view,
        csrf: sessions.csrf(request),
        notice:
          notice !== undefined && Object.hasOwn(NOTICES, notice) ? NOTICES[notice as keyof typeof NOTICES] : undefined,
        error: undefined,
        live: false,
        when,
        ...data,
      });
    };
    showErrors(app, show);

    const style = readFileSync(file("../../public/admin.css"));
    app.get("/admin/style.css", async (_request, reply) =>
      reply.type("text/css; charset=utf-8").header("cache-control", "max-age=300").send(style),
    );
    app.get("/admin", async (_request, reply) => reply.redirect("/admin/"));
    loginRoutes(app, sessions, show);
    await app.register(async (inside) => {
      requireSession(inside, sessions);
      const admin: Admin = {
        ...deps,
        moderator: new Moderator(deps.logAdmin, deps.admin),
        show,
        done: (reply, path, notice) => reply.redirect(`${path}${path.includes("?") ? "&" : "?"}notice=${notice}`, 303),
      };
      for (const routes of [overviewRoutes, roomRoutes, messageRoutes, peopleRoutes, deadLetterRoutes])
        routes(inside, admin);
      inside.get("/admin/*", async () => {
        throw new ProtocolError("not_found");
      });
    });
  };
}

/** Requires a session for every route, and the session's CSRF token for every form. */
function requireSession(app: FastifyInstance, sessions: Sessions): void {
  app.addHook("onRequest", async (request, reply) => {
    if (sessions.csrf(request) === undefined) return reply.redirect(loginPath(request), 303);
  });
  app.addHook("preHandler", async (request) => {
    if (request.method === "GET" || request.method === "HEAD") return;
    const given = textOf((request.body ?? {}) as Fields, "csrf") ?? "";
    // Another site made the browser send this, or the form's session has ended.
    if (!isSame(given, sessions.csrf(request)!))
      throw new ProtocolError("not_allowed", { message: "The form is out of date. Go back and reload the page." });
  });
}

function showErrors(app: FastifyInstance, show: Admin["show"]): void {
  app.setErrorHandler((error, request, reply) => {
    const known = error instanceof ProtocolError;
    const clientError = (error as { statusCode?: number }).statusCode;
    const status = known ? ERRORS[error.code].status : (clientError ?? 503);
    if (status >= 500) request.log.warn({ error: (error as Error).name }, "a request to the admin page failed");
    const message = known
      ? error.message
      : status < 500
        ? "Invalid request."
        : "The request failed: NATS or MongoDB is unreachable, or did not answer in time.";
    reply.code(status);
    return show(request, reply, "error.eta", { title: "Request failed", message });
  });
}
