import swagger, { type FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { NONCE_MAX_LENGTH, PostedMessage, PostMessage, Problem } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";

const problem = { description: "A problem (RFC 9457).", content: { "application/problem+json": { schema: Problem } } };

/** The error responses of every route. */
export const problems = { "4xx": problem, "5xx": problem } as const;

/** The response of a read that the client has stored already. */
export const conditional = {
  304: { description: "Unchanged since the ETag in If-None-Match.", type: "null" },
} as const;

type Paths = NonNullable<NonNullable<FastifyDynamicSwaggerOptions["openapi"]>["paths"]>;

const stored = (description: string) => ({ description, content: { "application/json": { schema: PostedMessage } } });

/** Routes that the edge serves itself. The document describes the whole API. */
const EDGE_PATHS = {
  "/v1/rooms/{room}/messages": {
    post: {
      operationId: "postMessage",
      summary: "Send a message",
      description: "For bots and webhooks.",
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
          description: "The message's nonce. Requests with the same nonce store the message once.",
        },
      ],
      requestBody: { required: true, content: { "application/json": { schema: PostMessage } } },
      responses: {
        200: stored("The message had been stored already."),
        201: stored("The message is stored."),
        "4XX": problem,
        "5XX": problem,
      },
    },
  },
} as unknown as Paths;

/**
 * The page at `/docs` loads everything from this service, so it works offline, and by plain HTTP from another machine;
 * the plugin's own policy would make browsers use HTTPS. The page has inline styles but no inline scripts.
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

/** Serves the API's description (OpenAPI 3.1, from the schemas that validate requests) and a page for it at `/docs`. */
export async function addDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Madang",
        version: "1",
        description:
          "Rooms and their history. Positions are opaque and ordered. Errors are problem+json (RFC 9457). A request with a query parameter or body property that is not listed here is refused.",
      },
      tags: [{ name: "rooms" }, { name: "history" }],
      components: {
        securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      },
      // With AUTH=jwt a token is required; with AUTH=none there is none.
      security: [{ token: [] }, {}],
      paths: EDGE_PATHS,
    },
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: PAGE_CSP, uiConfig: { validatorUrl: null } });
}
