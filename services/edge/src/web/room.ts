import { type Identity, may } from "@madang/auth";
import {
  type ErrorCode,
  type HistoryPage,
  ProtocolError,
  type Room,
  requireStoredRoom,
  requireUser,
} from "@madang/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Guard } from "../access/guard.ts";
import type { History } from "../history/history-client.ts";
import type { Dictionary } from "./shared/dictionary.ts";
import { signInUrl } from "./sign-in.ts";
import type { Templates } from "./templates.ts";
import { messageView } from "./view-model.ts";

/** Messages that the server renders; the script loads older ones. */
const HISTORY_LIMIT = 50;

export interface RoomPageOptions {
  readonly history: History;
  readonly guard: Pick<Guard, "requireAccess">;
  readonly textMaxCharacters: number;
  readonly loginUrl: string | undefined;
}

/** A room (`/chat/<room>/<nickname>`). It opens even while persistence is away. */
export function roomRoutes(
  app: FastifyInstance,
  templates: Templates,
  visitor: (request: FastifyRequest) => Promise<Identity>,
  options: RoomPageOptions,
): void {
  const { history, guard, textMaxCharacters, loginUrl } = options;
  const show = async (request: FastifyRequest, reply: FastifyReply) => {
    const params = request.params as { room: string; nickname: string };
    const name = requireStoredRoom(params.room);
    const identity = await visitor(request);
    guard.requireAccess(identity, name, "read");
    // A token contains the name; the nickname in the URL then only keeps the tutorial's form.
    const nickname = identity.name ?? requireUser(params.nickname);
    const [mayWrite, mayModerate] = [may(identity, name, "write"), may(identity, name, "moderate")];
    const { room, page } = await readRoom(history, name, mayWrite);
    const status = mayModerate ? 0 : (room?.status ?? 0);
    return templates.show(request, reply, "room", {
      name,
      nickname,
      topic: room?.topic ?? "",
      status: room?.status ?? 0,
      mayWrite,
      mayModerate,
      cannotWrite: whyNot(templates.dictionaryFor(request), mayWrite, status),
      textMaxCharacters,
      loginUrl: loginUrl === undefined ? undefined : signInUrl(loginUrl, request.url),
      history: page,
      messages: (page?.messages ?? []).map((message, i, all) => messageView(message, all[i - 1], nickname)),
    });
  };
  for (const path of ["/chat/:room/:nickname", "/chat/:room/:nickname/"]) app.get(path, show);
}

/** Why the composer is disabled; the script knows the same reasons. */
function whyNot(t: Dictionary, mayWrite: boolean, status: number): string | undefined {
  return mayWrite ? [undefined, t.readOnly, t.closed][status] : t.noWrite;
}

/**
 * The room and its newest messages. Creates the room for a person that may write; for another person a room that does
 * not exist is empty. Both are missing while persistence is away: the script then asks again.
 */
async function readRoom(
  history: History,
  name: string,
  mayWrite: boolean,
): Promise<{ room?: Room; page?: HistoryPage }> {
  try {
    const room = await (mayWrite ? history.ensureRoom(name) : history.room(name).catch(unless("not_found")));
    return { ...(room ? { room } : {}), page: await history.latest(name, HISTORY_LIMIT) };
  } catch (error) {
    unless("history_unavailable")(error);
    return {};
  }
}

/** An error handler that throws every error except one. */
function unless(code: ErrorCode): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof ProtocolError && error.code === code)) throw error;
    return undefined;
  };
}
