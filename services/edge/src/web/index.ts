import { fileURLToPath } from "node:url";
import fastifyHelmet from "@fastify/helmet";
import fastifyView from "@fastify/view";
import { type Identity, may } from "@madang/auth";
import {
  ERRORS,
  type ErrorCode,
  type HistoryPage,
  ProtocolError,
  type Room,
  requireRoom,
  requireUser,
} from "@madang/protocol";
import { sendError, sendNotFound } from "@madang/runtime";
import { Eta } from "eta";
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Guard } from "../access/guard.ts";
import type { History } from "../history/history-client.ts";
import { serveAssets } from "./assets.ts";
import { BAD_URL_PATH, wantsPage } from "./bad-url.ts";
import { PAGE_SECURITY } from "./security.ts";
import { chooseLanguage, dictionary, errorText } from "./shared/dictionary.ts";
import { messageView } from "./view-model.ts";

/** Messages in the first sight of a room; the script loads older ones. */
const HISTORY_LIMIT = 50;

export interface WebPagesOptions {
  readonly history: History;
  readonly guard: Guard;
  readonly textMaxCharacters: number;
}

/**
 * The pages: the entrance (`/`, `/chat`, `/chat/`) and a room (`/chat/<room>/<nickname>`), at the tutorial's URLs
 * and with its element ids. They read without JavaScript, and open while persistence is away. A browser that asks for
 * what is not there gets a page, too: this also answers for paths that lead nowhere, in the whole server.
 */
export const webPages: FastifyPluginAsync<WebPagesOptions> = async (app, { history, guard, textMaxCharacters }) => {
  await app.register(fastifyHelmet, PAGE_SECURITY);
  const assets = await serveAssets(app);
  await app.register(fastifyView, {
    engine: { eta: new Eta() },
    root: fileURLToPath(new URL("../../views", import.meta.url)),
    layout: "layout.eta",
    production: true,
  });

  const show = (request: FastifyRequest, reply: FastifyReply, view: string, data: object): FastifyReply => {
    const language = chooseLanguage(request.headers["accept-language"]);
    reply.header("cache-control", "no-store").header("vary", "accept-language").type("text/html; charset=utf-8");
    return reply.view(view, { assets, language, t: dictionary(language), ...data });
  };

  const refuse = (request: FastifyRequest, reply: FastifyReply, code: ErrorCode): FastifyReply => {
    const language = chooseLanguage(request.headers["accept-language"]);
    reply.code(ERRORS[code].status);
    return show(request, reply, "error.eta", { message: errorText(language, code) });
  };

  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof ProtocolError) return refuse(request, reply, error.code);
    // A body that cannot be read, at a path that leads nowhere: whoever sends one is no browser that goes somewhere.
    if (error.statusCode !== undefined && error.statusCode < 500) return sendError(error, request, reply);
    request.log.error({ err: error }, "page failed");
    return refuse(request, reply, "internal");
  });
  app.setNotFoundHandler((request, reply) =>
    wantsPage(request.raw) ? refuse(request, reply, "not_found") : sendNotFound(request, reply),
  );

  app.get(BAD_URL_PATH, async () => {
    throw new ProtocolError("bad_request");
  });

  const index = async (request: FastifyRequest, reply: FastifyReply) => {
    const { name } = await visitor(request, guard);
    const { room, nickname } = request.query as Record<string, unknown>;
    // The form sends the names here when its script does not run.
    if (nickname !== undefined) {
      return reply.redirect(
        `/chat/${encodeURIComponent(requireRoom(room))}/${encodeURIComponent(requireUser(nickname))}`,
      );
    }
    return show(request, reply, "index.eta", {
      page: "index",
      room: typeof room === "string" ? room : "",
      nickname: name,
    });
  };
  for (const path of ["/", "/chat", "/chat/"]) app.get(path, index);

  // A room without a nickname: whoever is sent such a link still has to say what they are called.
  for (const path of ["/chat/:room", "/chat/:room/"]) {
    app.get<{ Params: { room: string } }>(path, (request, reply) =>
      reply.redirect(`/chat/?room=${encodeURIComponent(requireRoom(request.params.room))}`),
    );
  }

  const enter = async (request: FastifyRequest, reply: FastifyReply) => {
    const params = request.params as { room: string; nickname: string };
    const name = requireRoom(params.room);
    const identity = await visitor(request, guard);
    guard.requireAccess(identity, name, "read");
    // With a token, the name is in there; the one in the URL is only what the tutorial's URLs look like.
    const nickname = identity.name ?? requireUser(params.nickname);
    const mayWrite = may(identity, name, "write");
    const { room, page } = await lookIn(history, name, mayWrite);
    return show(request, reply, "room.eta", {
      page: "room",
      name,
      nickname,
      topic: room?.topic ?? "",
      status: room?.status ?? 0,
      mayWrite,
      textMaxCharacters,
      history: page,
      messages: (page?.messages ?? []).map((message, i, all) => messageView(message, all[i - 1], nickname)),
    });
  };
  for (const path of ["/chat/:room/:nickname", "/chat/:room/:nickname/"]) app.get(path, enter);
};

/** @throws ProtocolError `unauthorized` for somebody without a token that is good, where one is needed */
async function visitor(request: FastifyRequest, guard: Guard): Promise<Identity> {
  const identity = await guard.identify(request);
  if (!identity) throw new ProtocolError("unauthorized");
  return identity;
}

/** Gets or, for who may write, makes the room; what persistence cannot say now stays undefined, and the script asks again. */
async function lookIn(history: History, name: string, mayWrite: boolean): Promise<{ room?: Room; page?: HistoryPage }> {
  try {
    const room = await (mayWrite ? history.ensureRoom(name) : history.room(name));
    return { room, page: await history.latest(name, HISTORY_LIMIT) };
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "history_unavailable") return {};
    throw error;
  }
}
