import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { HistoryPage, HistoryQuery, requireStoredRoom } from "@madang/protocol";
import { SharedReads } from "@madang/runtime";
import { Type } from "typebox";
import { readPage } from "../history/pages.ts";
import type { Floor } from "../recovery/floor.ts";
import type { Store } from "../store/store.ts";
import { conditional, problems } from "./openapi.ts";

export function messageRoutes(store: Store, floor: Floor): FastifyPluginAsyncTypebox {
  const reads = new SharedReads<HistoryPage>();
  return async (app) => {
    app.get(
      "/v1/rooms/:room/messages",
      {
        schema: {
          operationId: "getMessages",
          summary: "Read a page of a room's history",
          description:
            'Give at most one of "before", "after" and "around"; without them the page has the latest messages. A room without messages, or one that does not exist yet, answers an empty page.',
          tags: ["history"],
          params: Type.Object({ room: Type.String({ description: "The room's name, percent-encoded." }) }),
          querystring: HistoryQuery,
          response: { 200: HistoryPage, ...conditional, ...problems },
        },
      },
      async ({ params, query }) => {
        const room = requireStoredRoom(params.room);
        const { before, after, around, limit } = query;
        const key = JSON.stringify([room, before, after, around, limit]);
        return reads.run(key, () => readPage(store, floor, room, query));
      },
    );
  };
}
