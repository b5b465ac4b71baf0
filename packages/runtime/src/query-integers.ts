import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";

const DIGITS = /^\d{1,15}$/;

/**
 * Requires that an integer in a query string is written in digits, once. The validator alone would also accept "1e1",
 * "0x10" and " 5". Call this before adding routes.
 */
export function addQueryIntegerCheck(app: FastifyInstance): void {
  app.addHook("preValidation", async ({ query, routeOptions }) => {
    const { properties = {} } = (routeOptions.schema?.querystring ?? {}) as {
      properties?: Record<string, { type?: string }>;
    };
    for (const [name, value] of Object.entries(query as object)) {
      if (properties[name]?.type !== "integer" || (typeof value === "string" && DIGITS.test(value))) continue;
      throw new ProtocolError("bad_request", { field: name, message: `querystring: "${name}" must be digits, once.` });
    }
  });
}
