import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";

/** The API as OpenAPI 3.1, made from the schemas that validate, and a page to try it at `/docs`. */
export async function addDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Madang: history",
        version: "1",
        description: "Rooms and their history. A position is opaque and ordered; errors are problem+json (RFC 9457).",
      },
      tags: [{ name: "rooms" }, { name: "history" }],
    },
  });
  // Everything the page needs comes from here, and nothing in it is inline: it works offline and under its strict CSP.
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true, uiConfig: { validatorUrl: null } });
}
