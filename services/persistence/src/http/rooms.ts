import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Identity, may } from "@madang/auth";
import {
  NoQuery,
  ProtocolError,
  parseRoomName,
  Room,
  RoomList,
  requireRoom,
  requireStoredRoom,
} from "@madang/protocol";
import { Type } from "typebox";
import type { Store } from "../store/store.ts";
import { conditional, problems } from "./openapi.ts";

const RoomParams = Type.Object({ room: Type.String({ description: "The room's name, percent-encoded." }) });

const ListQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ minLength: 1, description: '"next" of the previous page.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  },
  { additionalProperties: false },
);

/** Rooms that the client may not read are skipped in steps of this size. A page ends after this number of steps. */
const SCAN_ROOMS = 500;
const SCAN_STEPS = 20;

/** A page of the rooms that the client may read. It may be short, or even empty, when more rooms follow: see `next`. */
async function readableRooms(
  store: Pick<Store, "roomNames" | "rooms">,
  identity: Identity,
  after: string | undefined,
  limit: number,
): Promise<RoomList> {
  const readable: string[] = [];
  let from = after;
  for (let step = 0; step < SCAN_STEPS && readable.length <= limit; step++) {
    // One step is enough for a client that may read every room, which is the usual case.
    const wanted = step === 0 ? limit + 1 : SCAN_ROOMS;
    const names = await store.roomNames(from, wanted);
    readable.push(...names.filter((name) => may(identity, name, "read")));
    from = names.length < wanted ? undefined : names.at(-1);
    if (from === undefined) break;
  }
  const page = readable.slice(0, limit);
  const next = readable.length > limit ? page.at(-1) : from;
  return { rooms: await store.rooms(page), ...(next === undefined ? {} : { next }) };
}

/**
 * Rooms are listed by name, because that order does not change while a client reads page after page.
 * @param requireNotErasing rejects while the room is being erased: the erasure would remove a room that is created now
 */
export function roomRoutes(
  store: Store,
  requireNotErasing: (room: string) => Promise<void>,
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/v1/rooms",
      {
        schema: {
          operationId: "listRooms",
          summary: "List rooms by name",
          tags: ["rooms"],
          querystring: ListQuery,
          response: { 200: RoomList, ...conditional, ...problems },
        },
      },
      async ({ query, identity }) => readableRooms(store, identity!, query.after, query.limit ?? 50),
    );

    app.get(
      "/v1/rooms/:room",
      {
        schema: {
          operationId: "getRoom",
          summary: "Get a room",
          tags: ["rooms"],
          params: RoomParams,
          querystring: NoQuery,
          response: { 200: Room, ...conditional, ...problems },
        },
      },
      async ({ params }) => {
        const room = await store.room(requireStoredRoom(params.room));
        if (!room) throw new ProtocolError("not_found");
        return room;
      },
    );

    app.put(
      "/v1/rooms/:room",
      {
        schema: {
          operationId: "putRoom",
          summary: "Get a room, or create it",
          tags: ["rooms"],
          params: RoomParams,
          querystring: NoQuery,
          response: { 200: Room, 201: Room, ...problems },
        },
      },
      async ({ params, body }, reply) => {
        // Refuse properties instead of ignoring them.
        if (body !== undefined && body !== null && JSON.stringify(body) !== "{}") {
          throw new ProtocolError("bad_request", { field: "body", message: "A room is created without properties." });
        }
        const name = requireStoredRoom(params.room);
        await requireNotErasing(name);
        // A name that only earlier versions allowed stays usable, but gets no new room.
        const known = parseRoomName(name) === undefined ? await store.room(name) : undefined;
        if (known) return known;
        requireRoom(name);
        const { room, created } = await store.ensureRoom(name, new Date().toISOString());
        return reply.code(created ? 201 : 200).send(room);
      },
    );
  };
}
