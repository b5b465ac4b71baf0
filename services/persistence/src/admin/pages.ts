import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyHelmet from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import fastifyView from "@fastify/view";
import { ERRORS, ProtocolError } from "@madang/protocol";
import { Eta } from "eta";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import { Moderator } from "../moderation/moderator.ts";
import { type Admin, type AdminDeps, NOTICES } from "./admin.ts";
import { deadLetterRoutes } from "./dead-letters.ts";
import { type Fields, lastOfEach, parseForm, textOf } from "./forms.ts";
import { messageRoutes } from "./messages.ts";
import { overviewRoutes } from "./overview.ts";
import { peopleRoutes } from "./people.ts";
import { roomRoutes } from "./rooms.ts";
import { ADMIN_TOKEN_MIN_LENGTH, isSame, Sessions } from "./session.ts";

const LOGINS_PER_MINUTE = 10;
const FORM_MAX_BYTES = 64 * 1024;

/** Nothing runs here but forms: no script at all, so one that gets into a page by a mistake of ours does not run. */
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

/** A time as people read it, in UTC. What is no time of ours is shown as it is. */
const when = (at: unknown) => `${at ?? ""}`.replace(/^([\d-]{10})T([\d:]{8})\.\d+Z$/, "$1 $2 UTC");

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** One line for whoever looks for the page where it is off. */
export const adminOff: FastifyPluginAsync = async (app) => {
  const line = `The admin page is off: set ADMIN_TOKEN (${ADMIN_TOKEN_MIN_LENGTH} characters or more) to enable it.\n`;
  for (const path of ["/admin", "/admin/*"]) {
    app.all(path, { schema: { hide: true } as object }, async (_request, reply) =>
      reply.code(404).type("text/plain; charset=utf-8").send(line),
    );
  }
};

/**
 * The admin page, at `/admin/`: for moderators who have the token, made on the server, without a script. Whatever is
 * stored is shown as text.
 */
export function adminPages(token: string, deps: AdminDeps): FastifyPluginAsync {
  return async (app) => {
    const sessions = new Sessions(token);
    await app.register(fastifyHelmet, SECURITY);
    await app.register(fastifyRateLimit, { global: false });
    await app.register(fastifyView, {
      // What somebody took out of a document by hand is shown as nothing.
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
      // Whatever is answered: what people said is in no cache after the session.
      reply.header("cache-control", "no-store");
    });

    const show: Admin["show"] = (request, reply, view, data) => {
      reply.type("text/html; charset=utf-8");
      const said = textOf(request.query as Fields, "said");
      return reply.view(view, {
        page: view,
        csrf: sessions.csrf(request),
        said: said !== undefined && Object.hasOwn(NOTICES, said) ? NOTICES[said as keyof typeof NOTICES] : undefined,
        error: undefined,
        live: false,
        when,
        ...data,
      });
    };
    app.setErrorHandler((error, request, reply) => {
      const known = error instanceof ProtocolError;
      const clientError = (error as { statusCode?: number }).statusCode;
      const status = known ? ERRORS[error.code].status : (clientError ?? 503);
      if (status >= 500) request.log.warn({ error: (error as Error).name }, "an act of a moderator failed");
      const message = known
        ? error.message
        : status < 500
          ? "That cannot be."
          : "It failed: NATS or MongoDB cannot be reached, or it took too long.";
      reply.code(status);
      return show(request, reply, "error.eta", { title: "That did not work", message });
    });

    const style = readFileSync(file("../../public/admin.css"));
    app.get("/admin/style.css", async (_request, reply) =>
      reply.type("text/css; charset=utf-8").header("cache-control", "max-age=300").send(style),
    );
    app.get("/admin", async (_request, reply) => reply.redirect("/admin/"));
    loginRoutes(app, sessions, show);

    await app.register(async (inside) => {
      inside.addHook("onRequest", async (request, reply) => {
        if (sessions.csrf(request) === undefined) return reply.redirect(loginPath(request), 303);
      });
      inside.addHook("preHandler", async (request) => {
        if (request.method === "GET" || request.method === "HEAD") return;
        const given = textOf((request.body ?? {}) as Fields, "csrf") ?? "";
        // Another page made the browser send this, or the session is another one by now.
        if (!isSame(given, sessions.csrf(request)!))
          throw new ProtocolError("not_allowed", { message: "The form is out of date: go back, load the page again." });
      });
      const admin: Admin = {
        ...deps,
        moderator: new Moderator(deps.logAdmin, deps.admin),
        show,
        done: (reply, path, said) => reply.redirect(`${path}${path.includes("?") ? "&" : "?"}said=${said}`, 303),
      };
      for (const routes of [overviewRoutes, roomRoutes, messageRoutes, peopleRoutes, deadLetterRoutes])
        routes(inside, admin);
      inside.get("/admin/*", async () => {
        throw new ProtocolError("not_found");
      });
    });
  };
}

/** Where to log in, and to be led on from to what was asked for. A form that was sent too late has to be sent again. */
function loginPath({ method, url, headers }: FastifyRequest): string {
  const isForm = method !== "GET" && method !== "HEAD";
  const next = isForm ? URL.parse(headers.referer ?? "") : URL.parse(url, "http://here");
  const query = { ...(isForm ? { undone: "1" } : {}), next: placeOf(next ? next.pathname + next.search : "") };
  return query.next === "/admin/" && !isForm ? "/admin/login" : `/admin/login?${new URLSearchParams(query)}`;
}

/**
 * A path of these pages, whatever somebody made of it: nobody is led elsewhere by logging in here. Without what an earlier form had
 * to say: it would be said of the one that was not done.
 */
function placeOf(path: unknown): string {
  const url = typeof path === "string" ? URL.parse(path, "http://here") : null;
  const isHere = url?.origin === "http://here" && url.pathname.startsWith("/admin/") && url.pathname !== "/admin/login";
  url?.searchParams.delete("said");
  return isHere ? url.pathname + url.search : "/admin/";
}

function loginRoutes(app: FastifyInstance, sessions: Sessions, show: Admin["show"]): void {
  app.get("/admin/login", async (request, reply) => {
    const { undone, next } = request.query as Fields;
    return show(request, reply, "login.eta", { title: "Log in", undone: undone !== undefined, next: placeOf(next) });
  });
  const rateLimit = {
    max: LOGINS_PER_MINUTE,
    timeWindow: 60_000,
    errorResponseBuilder: (_request: unknown, { ttl }: { ttl: number }) =>
      new ProtocolError("rate_limited", { retryAfter: ttl / 1000 }),
  };
  app.post("/admin/login", { config: { rateLimit } }, async (request, reply) => {
    const { token: given, next: asked } = (request.body ?? {}) as Fields;
    const next = placeOf(asked);
    if (typeof given !== "string" || !sessions.isToken(given)) {
      request.log.warn("a login to the admin page was refused");
      return show(request, reply.code(403), "login.eta", {
        title: "Log in",
        error: "That is not the token.",
        undone: false,
        next,
      });
    }
    sessions.start(request, reply);
    request.log.info("a moderator logged in");
    return reply.redirect(next, 303);
  });
  // Without a form's token it can do no worse than log somebody out; SameSite keeps foreign pages from that, too.
  app.post("/admin/logout", async (request, reply) => {
    sessions.end(request, reply);
    return reply.redirect("/admin/login", 303);
  });
}
