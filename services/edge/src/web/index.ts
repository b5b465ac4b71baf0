import fastifyHelmet from "@fastify/helmet";
import type { Identity } from "@madang/auth";
import { ProtocolError } from "@madang/protocol";
import { sendError, sendNotFound } from "@madang/runtime";
import type { FastifyError, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Guard } from "../access/guard.ts";
import { BAD_URL_PATH, wantsPage } from "./bad-url.ts";
import { entranceRoutes } from "./entrance.ts";
import { type RoomPageOptions, roomRoutes } from "./room.ts";
import { PAGE_SECURITY } from "./security.ts";
import { signInUrl } from "./sign-in.ts";
import { openTemplates } from "./templates.ts";

export interface WebPagesOptions extends RoomPageOptions {
  readonly guard: Pick<Guard, "requireAccess" | "identify">;
}

/**
 * The pages, at the tutorial's URLs and with its element ids: the entrance and the rooms. They can be read without
 * JavaScript. A browser that navigates to a path that does not exist, on the whole server, also gets a page.
 */
export const webPages: FastifyPluginAsync<WebPagesOptions> = async (app, options) => {
  const { guard, loginUrl } = options;
  await app.register(fastifyHelmet, PAGE_SECURITY);
  const templates = await openTemplates(app);

  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof ProtocolError) {
      if (error.code !== "unauthorized" || !wantsPage(request.raw)) {
        return templates.showError(request, reply, error.code);
      }
      if (loginUrl === undefined) return templates.showNoLoginPage(request, reply);
      reply.removeHeader("www-authenticate").header("cache-control", "no-store");
      return reply.redirect(signInUrl(loginUrl, request.url));
    }
    // An unreadable body at a path that does not exist: not a browser that navigates.
    if (error.statusCode !== undefined && error.statusCode < 500) return sendError(error, request, reply);
    request.log.error({ err: error }, "page failed");
    return templates.showError(request, reply, "internal");
  });
  app.setNotFoundHandler((request, reply) =>
    wantsPage(request.raw) ? templates.showError(request, reply, "not_found") : sendNotFound(request, reply),
  );
  app.get(BAD_URL_PATH, async () => {
    throw new ProtocolError("bad_request");
  });

  /** @throws ProtocolError `unauthorized` where a token is required and there is none that is valid */
  const visitor = async (request: FastifyRequest): Promise<Identity> => {
    const identity = await guard.identify(request);
    if (!identity) throw new ProtocolError("unauthorized");
    return identity;
  };
  entranceRoutes(app, templates, visitor);
  roomRoutes(app, templates, visitor, options);
};
