import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";

const DIGITS = /^\d{1,15}$/;

/**
 * A whole number in a query is digits: the validator makes a number of whatever JavaScript would, such as "1e1", "0x10"
 * and " 5". Has to come before the routes.
 */
export function useDigitsInQueries(app: FastifyInstance): void {
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
