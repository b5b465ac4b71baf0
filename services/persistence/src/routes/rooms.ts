import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Problem, ProtocolError, Room, RoomList, requireRoom } from "@madang/protocol";
import { Type } from "typebox";
import type { Store } from "../store.ts";

const RoomParams = Type.Object({ room: Type.String({ description: "The room's name, percent-encoded." }) });

const ListQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ minLength: 1, description: '"next" of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  },
  { additionalProperties: false },
);

const problems = { "4xx": Problem, "5xx": Problem } as const;

/** Rooms are listed by name: that order stands still while one pages through it, whatever is said meanwhile. */
export function roomRoutes(store: Store): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/v1/rooms",
      {
        schema: {
          operationId: "listRooms",
          summary: "Rooms, in the order of their names",
          tags: ["rooms"],
          querystring: ListQuery,
          response: { 200: RoomList, ...problems },
        },
      },
      async ({ query }) => {
        const limit = query.limit ?? 50;
        const rooms = await store.rooms(query.after, limit + 1);
        const more = rooms.length > limit;
        const page = rooms.slice(0, limit);
        return { rooms: page, ...(more ? { next: page.at(-1)!.room } : {}) };
      },
    );

    app.get(
      "/v1/rooms/:room",
      {
        schema: {
          operationId: "getRoom",
          summary: "One room",
          tags: ["rooms"],
          params: RoomParams,
          response: { 200: Room, ...problems },
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
          response: { 200: Room, 201: Room, ...problems },
        },
      },
      async ({ params, body }, reply) => {
        // A body may set nothing yet: better to say so than to leave it out in silence.
        if (body !== undefined && body !== null && JSON.stringify(body) !== "{}") {
          throw new ProtocolError("bad_request", { field: "body", message: "A room is made without properties." });
        }
        const { room, created } = await store.ensureRoom(requireRoom(params.room), new Date().toISOString());
        return reply.code(created ? 201 : 200).send(room);
      },
    );
  };
}
