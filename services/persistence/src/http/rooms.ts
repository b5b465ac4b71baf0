import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Identity, may } from "@madang/auth";
import { NoQuery, ProtocolError, Room, RoomList, requireRoom } from "@madang/protocol";
import { Type } from "typebox";
import type { Store } from "../store/store.ts";
import { conditional, problems } from "./openapi.ts";

const RoomParams = Type.Object({ room: Type.String({ description: "The room's name, percent-encoded." }) });

const ListQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ minLength: 1, description: '"next" of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  },
  { additionalProperties: false },
);

/** Rooms that nobody may see are passed over in steps of this many; after so many steps a page ends where it is. */
const SCAN_ROOMS = 500;
const SCAN_STEPS = 20;

/** A page of the rooms that somebody may read. It may be short, even empty, with more to come: `next` says where to go on. */
async function readableRooms(
  store: Pick<Store, "roomNames" | "rooms">,
  identity: Identity,
  after: string | undefined,
  limit: number,
): Promise<RoomList> {
  const readable: string[] = [];
  let from = after;
  for (let step = 0; step < SCAN_STEPS && readable.length <= limit; step++) {
    // Where everything may be read one step is enough: that is nearly always so.
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
 * Rooms are listed by name: that order stands still while one pages through it, whatever is said meanwhile.
 * @param requireNotErasing rejects for a room that is being erased: one that were made now would go with it
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
          summary: "Rooms, in the order of their names",
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
          summary: "One room",
          tags: ["rooms"],
          params: RoomParams,
          querystring: NoQuery,
          response: { 200: Room, ...conditional, ...problems },
        },
      },
      async ({ params }) => {
        const room = await store.room(requireRoom(params.room));
        if (!room) throw new ProtocolError("not_found");
        return room;
      },
    );

    app.put(
      "/v1/rooms/:room",
      {
        schema: {
          operationId: "putRoom",
          summary: "Get a room, or make it",
          tags: ["rooms"],
          params: RoomParams,
          querystring: NoQuery,
          response: { 200: Room, 201: Room, ...problems },
        },
      },
      async ({ params, body }, reply) => {
        // A body may set nothing yet: better to say so than to leave it out in silence.
        if (body !== undefined && body !== null && JSON.stringify(body) !== "{}") {
          throw new ProtocolError("bad_request", { field: "body", message: "A room is made without properties." });
        }
        const name = requireRoom(params.room);
        await requireNotErasing(name);
        const { room, created } = await store.ensureRoom(name, new Date().toISOString());
        return reply.code(created ? 201 : 200).send(room);
      },
    );
  };
}
