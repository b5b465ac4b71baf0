import { ProtocolError, requireStoredRoom } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { requireNotErasing } from "../moderation/moderator.ts";
import type { Admin } from "./admin.ts";
import { changesOf, exactlyOf, type Fields, isConfirmed, roomOf, settingsOf, textOf } from "./forms.ts";

const ROOMS_PAGE = 50;

const roomPath = (room: string) => `/admin/room?room=${encodeURIComponent(room)}`;

/** Rooms: search, create, change, delete. */
export function roomRoutes(app: FastifyInstance, { logAdmin, admin, store, moderator, show, done }: Admin): void {
  /** Whether the room has anything to erase, in the store or in the log, even if the room's own document is missing. */
  const exists = async (room: string): Promise<boolean> =>
    (await admin.jobs.isErasing(room)) ||
    (await store.room(room)) !== undefined ||
    (await store.messages(room, {}, "newest first", 1)).length > 0 ||
    (await logAdmin.scan(room, 1)).length > 0;

  app.get("/admin/rooms", async (request, reply) => {
    const query = request.query as Fields;
    const text = textOf(query, "q") ?? "";
    const rooms = await admin.search.rooms(text, exactlyOf(query, "after"), ROOMS_PAGE);
    const next = rooms.length === ROOMS_PAGE ? rooms.at(-1)!.room : undefined;
    return show(request, reply, "rooms.eta", {
      text,
      rooms: rooms.map((room) => ({ ...room, rule: logAdmin.rules.room(room.room) })),
      next,
    });
  });

  app.post("/admin/rooms", async (request, reply) => {
    const room = requireStoredRoom(textOf(request.body as Fields, "room"));
    await requireNotErasing(admin.jobs, room);
    const { created } = await store.ensureRoom(room, new Date().toISOString());
    // A second click finds the room that the first one created.
    if (created) await moderator.note({ act: "create room", room });
    return done(reply, roomPath(room), "done");
  });

  app.get("/admin/room", async (request, reply) => {
    const name = requireStoredRoom((request.query as Fields)["room"]);
    const room = await store.room(name);
    if (!room) throw new ProtocolError("not_found");
    return show(request, reply, "room.eta", { title: name, room, rule: logAdmin.rules.room(name) });
  });

  app.post("/admin/room", async (request, reply) => {
    const fields = request.body as Fields;
    const room = requireStoredRoom(fields["room"]);
    // A page from before the deletion must not create the room again.
    if (!(await store.room(room))) throw new ProtocolError("not_found");
    // Without a rule there is no change by another moderator to preserve, so the form sets everything.
    await moderator.setRoom(room, logAdmin.rules.room(room) ? changesOf(fields) : settingsOf(fields));
    return done(reply, roomPath(room), "done");
  });

  app.post("/admin/room/delete", async (request, reply) => {
    const fields = request.body as Fields;
    const room = roomOf(fields);
    if (room === undefined || !isConfirmed(fields, room)) {
      throw new ProtocolError("bad_request", { field: "confirm", message: "To delete a room, type its name." });
    }
    if (!(await exists(room))) throw new ProtocolError("not_found", { message: "This room does not exist." });
    await moderator.erase({ kind: "room", room });
    return done(reply, "/admin/", "erasing");
  });
}
