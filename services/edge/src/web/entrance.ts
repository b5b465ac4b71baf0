import type { Identity } from "@madang/auth";
import { parseRoomName, requireRoom, requireUser } from "@madang/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Templates } from "./templates.ts";

/**
 * The entrance (`/`, `/chat`, `/chat/`) and links to a room without a nickname (`/chat/<room>`). With a token there is
 * no nickname to ask for, and the entrance lists the rooms that the token names.
 */
export function entranceRoutes(
  app: FastifyInstance,
  templates: Templates,
  visitor: (request: FastifyRequest) => Promise<Identity>,
): void {
  const index = async (request: FastifyRequest, reply: FastifyReply) => {
    const { name, permissions } = await visitor(request);
    const { room, nickname } = request.query as Record<string, unknown>;
    // The form sends the names here when the script does not run.
    if (name !== undefined && room !== undefined && room !== "") return reply.redirect(roomPath(room, name));
    if (name === undefined && nickname !== undefined) return reply.redirect(roomPath(room, nickname));
    const named = name === undefined ? [] : permissions.namedRooms("read");
    return templates.show(request, reply, "index", {
      room: typeof room === "string" ? room : "",
      user: name,
      signedInAs: templates.dictionaryFor(request).signedInAs.split(/(\{user\})/),
      rooms: named
        .filter((room) => parseRoomName(room) === room)
        .map((room) => ({ name: room, href: roomPath(room, name) })),
      mayChooseRoom: permissions.hasPattern("read"),
    });
  };
  for (const path of ["/", "/chat", "/chat/"]) app.get(path, index);

  for (const path of ["/chat/:room", "/chat/:room/"]) {
    app.get<{ Params: { room: string } }>(path, async (request, reply) => {
      const room = requireRoom(request.params.room);
      const { name } = await visitor(request);
      return reply.redirect(name === undefined ? `/chat/?room=${encodeURIComponent(room)}` : roomPath(room, name));
    });
  }
}

/** @throws ProtocolError `bad_room`, `bad_user` */
function roomPath(room: unknown, nickname: unknown): string {
  return `/chat/${encodeURIComponent(requireRoom(room))}/${encodeURIComponent(requireUser(nickname))}`;
}
