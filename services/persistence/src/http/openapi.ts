import swagger, { type FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { NONCE_MAX_LENGTH, PostedMessage, PostMessage, Problem } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";

const problem = { description: "A problem (RFC 9457).", content: { "application/problem+json": { schema: Problem } } };

/** What every route answers when it does not do what was asked. */
export const problems = { "4xx": problem, "5xx": problem } as const;

/** What a read answers besides, to who has it already. */
export const conditional = {
  304: { description: "Unchanged since the ETag in If-None-Match.", type: "null" },
} as const;

type Paths = NonNullable<NonNullable<FastifyDynamicSwaggerOptions["openapi"]>["paths"]>;

const stored = (description: string) => ({ description, content: { "application/json": { schema: PostedMessage } } });

/** What the edge serves of the API by itself: to who reads the document there it is all one. */
const EDGE_PATHS = {
  "/v1/rooms/{room}/messages": {
    post: {
      operationId: "postMessage",
      summary: "Send a message",
      description: "For bots and webhooks. Served by the edge.",
      tags: ["history"],
      parameters: [
        {
          name: "room",
          in: "path",
          required: true,
          schema: Type.String(),
          description: "The room's name, percent-encoded.",
        },
        {
          name: "Idempotency-Key",
          in: "header",
          schema: Type.String({ minLength: 1, maxLength: NONCE_MAX_LENGTH }),
          description: "The message's nonce: repeated with the same one it is stored once.",
        },
      ],
      requestBody: { required: true, content: { "application/json": { schema: PostMessage } } },
      responses: {
        200: stored("It was stored before."),
        201: stored("It is stored."),
        "4XX": problem,
        "5XX": problem,
      },
    },
  },
} as unknown as Paths;

/**
 * Everything the page needs comes from here: it works offline, and by plain HTTP from another machine, too (the plugin's
 * own policy has the browser ask by HTTPS instead). Of inline things it has styles alone.
 */
const PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The API as OpenAPI 3.1, made from the schemas that validate, and a page to try it at `/docs`. */
export async function addDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Madang",
        version: "1",
        description:
          "Rooms and their history. A position is opaque and ordered; errors are problem+json (RFC 9457). Query parameters and properties of bodies that are not listed are refused.",
      },
      tags: [{ name: "rooms" }, { name: "history" }],
      components: {
        securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      },
      // Both: a token where AUTH=jwt, none where AUTH=none.
      security: [{ token: [] }, {}],
      paths: EDGE_PATHS,
    },
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: PAGE_CSP, uiConfig: { validatorUrl: null } });
}
