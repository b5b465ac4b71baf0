import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { HistoryPage, HistoryQuery, Problem, requireRoom } from "@madang/protocol";
import { Type } from "typebox";
import type { Floor } from "../floor.ts";
import { readPage } from "../history.ts";
import type { Store } from "../store.ts";

export function messageRoutes(store: Store, floor: Floor): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      "/v1/rooms/:room/messages",
      {
        schema: {
          operationId: "getMessages",
          summary: "A page of a room's history",
          description: '"before", "after" and "around" exclude each other; with none of them, the latest messages.',
          tags: ["history"],
          params: Type.Object({ room: Type.String({ description: "The room's name, percent-encoded." }) }),
          querystring: HistoryQuery,
          response: { 200: HistoryPage, "4xx": Problem, "5xx": Problem },
        },
      },
      async ({ params, query }) => readPage(store, floor, requireRoom(params.room), query),
    );
  };
}
