import type { AuthSettings } from "@madang/auth";
import { Problem } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import type { TSchema } from "typebox";
import { Check } from "typebox/value";
import { buildApp } from "../src/app.ts";
import { ProjectionCounts } from "../src/projection/projector.ts";
import { Floor } from "../src/recovery/floor.ts";
import type { Store } from "../src/store/store.ts";
import { type Scope, silent } from "./support.ts";

export const FLOOR = { epoch: "0mwuxf3re", seq: 7 };

/** Builds the service's HTTP side on a store, with a log that ends at {@link FLOOR}. */
export async function serve(
  t: Scope,
  store: Store,
  connected = true,
  auth: AuthSettings = { mode: "none" },
): Promise<FastifyInstance> {
  const floor = new Floor({ ackFloor: async () => FLOOR }, store);
  const app = await buildApp({
    log: silent,
    auth,
    store,
    floor,
    consumer: { connected, trouble: connected ? undefined : "not connected" },
    counts: new ProjectionCounts(),
  });
  t.teardown(async () => {
    floor.close();
    await app.close();
  });
  return app;
}

/** The properties that tests read. */
interface Body {
  rooms: { room: string }[];
  next?: string;
  code?: string;
  field?: string;
}

/** Sends a request, and checks the response against the schema that the API documents for its status. */
export async function ask(
  app: FastifyInstance,
  method: "GET" | "PUT",
  url: string,
  schema: TSchema,
  options: object = {},
) {
  const response = await app.inject({ method, url, ...options });
  const body = response.json<Body>();
  const isProblem = response.statusCode >= 400;
  if (!Check(isProblem ? Problem : schema, body)) throw new Error(`not by its schema: ${response.body}`);
  const type = isProblem ? "application/problem+json; charset=utf-8" : "application/json; charset=utf-8";
  if (response.headers["content-type"] !== type) throw new Error(`${response.headers["content-type"]}`);
  return { status: response.statusCode, body };
}
