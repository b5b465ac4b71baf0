import { formatPosition, ProtocolError, parsePosition, requireStoredRoom } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import type { Admin } from "./admin.ts";
import { cursorOf, exactlyOf, type Fields, NO_PAGE, roomOf, textOf } from "./forms.ts";

const MESSAGES_PAGE = 50;

/** Messages: browse a room, search by text and person, delete. */
export function messageRoutes(app: FastifyInstance, { admin, moderator, show, done }: Admin): void {
  app.get("/admin/messages", async (request, reply) => {
    const query = request.query as Fields;
    const [room, text, person] = [roomOf(query), textOf(query, "text"), exactlyOf(query, "person")];
    const position = cursorOf(query, "before", parsePosition);
    // Messages of all rooms have no order, so there is no next page.
    if (position && room === undefined) throw new ProtocolError("bad_position", { field: "before", message: NO_PAGE });
    const criteria = {
      ...(room === undefined ? {} : { room }),
      ...(text === undefined ? {} : { text }),
      ...(person === undefined ? {} : { person }),
    };
    const messages = await admin.search.messages(criteria, position, MESSAGES_PAGE);
    const more = room !== undefined && messages.length === MESSAGES_PAGE;
    return show(request, reply, "messages.eta", {
      criteria,
      messages,
      here: `?${new URLSearchParams({ ...criteria, ...(position ? { before: formatPosition(position.epoch, position.seq) } : {}) })}`,
      older: more ? `?${new URLSearchParams({ ...criteria, before: messages.at(-1)!.position })}` : undefined,
    });
  });

  app.post("/admin/messages/delete", async (request, reply) => {
    const fields = request.body as Fields;
    const position = textOf(fields, "position");
    if (position === undefined) throw new ProtocolError("bad_position");
    await moderator.deleteMessage(requireStoredRoom(fields["room"]), position);
    const back = textOf(fields, "back") ?? "";
    return done(reply, `/admin/messages${back.startsWith("?") ? back : ""}`, "done");
  });
}
