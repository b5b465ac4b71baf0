import { ProtocolError, requireStoredRoom } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { requireNotErasing } from "../moderation/moderator.ts";
import type { Admin } from "./admin.ts";
import { changesOf, exactlyOf, type Fields, isConfirmed, roomOf, settingsOf, textOf } from "./forms.ts";

const ROOMS_PAGE = 50;

const roomPath = (room: string) => `/admin/room?room=${encodeURIComponent(room)}`;

/** Rooms: search, make, and what holds in one. */
export function roomRoutes(app: FastifyInstance, { logAdmin, admin, store, moderator, show, done }: Admin): void {
  /** Whether there is something of it to erase: also what has not come into the store, or without its room. */
  const isAnything = async (room: string): Promise<boolean> =>
    (await admin.isErasing(room)) ||
    (await store.room(room)) !== undefined ||
    (await store.messages(room, {}, "newest first", 1)).length > 0 ||
    (await logAdmin.scan(room, 1)).length > 0;

  app.get("/admin/rooms", async (request, reply) => {
    const query = request.query as Fields;
    const text = textOf(query, "q") ?? "";
    const rooms = await admin.searchRooms(text, exactlyOf(query, "after"), ROOMS_PAGE);
    const next = rooms.length === ROOMS_PAGE ? rooms.at(-1)!.room : undefined;
    return show(request, reply, "rooms.eta", {
      text,
      rooms: rooms.map((room) => ({ ...room, rule: logAdmin.rules.room(room.room) })),
      next,
    });
  });

  app.post("/admin/rooms", async (request, reply) => {
    const room = requireStoredRoom(textOf(request.body as Fields, "room"));
    await requireNotErasing(admin, room);
    const { created } = await store.ensureRoom(room, new Date().toISOString());
    // A second click finds the room that the first one made.
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
    // A page that was loaded before the room was deleted must not bring it back.
    if (!(await store.room(room))) throw new ProtocolError("not_found");
    // Without a rule nobody has changed anything but this page, and it says all that is to hold.
    await moderator.setRoom(room, logAdmin.rules.room(room) ? changesOf(fields) : settingsOf(fields));
    return done(reply, roomPath(room), "done");
  });

  app.post("/admin/room/delete", async (request, reply) => {
    const fields = request.body as Fields;
    const room = roomOf(fields);
    if (room === undefined || !isConfirmed(fields, room)) {
      throw new ProtocolError("bad_request", { field: "confirm", message: "To delete a room, type its name." });
    }
    if (!(await isAnything(room))) throw new ProtocolError("not_found", { message: "There is no such room." });
    await moderator.erase({ kind: "room", room });
    return done(reply, "/admin/", "erasing");
  });
}
