import fc from "fast-check";
import { roomName } from "./text-frames.ts";

/** The part of an OpenAPI 3.1 document from which requests are made. */
export interface ApiDocument {
  readonly paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

const word = fc.oneof(
  fc.constantFrom("", "0", "-1", "1e9", "NaN", "999999999999999999999", "a.1", "zzz.0", "null", "[]", "*"),
  fc.string({ unit: "grapheme", maxLength: 30 }),
);
const encoded = (text: string) => encodeURIComponent(text.toWellFormed());

/** Requests to all paths of the document, with valid and invalid parameters and bodies. */
export function requests(api: ApiDocument): fc.Arbitrary<HttpRequest> {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({
      path,
      method: method.toUpperCase(),
      parameters,
    })),
  );
  const post = { path: "/v1/rooms/{room}/messages", method: "POST", parameters: [] };
  const body = fc.oneof(
    fc
      .record({ message: word, user: word, replyTo: fc.jsonValue({ maxDepth: 1 }) }, { requiredKeys: [] })
      .map((value) => JSON.stringify(value)),
    fc.json({ maxDepth: 3 }),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.constant("[".repeat(30_000)),
    fc.constant('{"__proto__":{"message":"x"},"message":"x"}'),
  );
  return fc
    .record({
      operation: fc.constantFrom(...operations, post, post),
      room: fc.oneof(
        { weight: 5, arbitrary: roomName.map(encoded) },
        { weight: 1, arbitrary: fc.constantFrom("%ff", "%", "%2e%2e", "%2f", "..") },
      ),
      values: fc.array(word, { minLength: 6, maxLength: 6 }),
      present: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      unknown: fc.constantFrom("", "", "&x=1", "&limit=1&limit=2", "&__proto__=1", "&limit[]=1"),
      type: fc.constantFrom("application/json", "application/json", "text/plain", "", "application/json; charset=x"),
      key: fc.option(fc.stringMatching(/^[!-~]{1,140}$/), { nil: undefined }),
      body,
    })
    .map(({ operation, room, values, present, unknown, type, key, body }) => {
      const query = operation.parameters
        .filter((parameter, i) => parameter.in === "query" && present[i])
        .map(({ name }, i) => `${name}=${encoded(values[i]!)}`)
        .join("&");
      const hasBody = operation.method !== "GET" && operation.method !== "DELETE";
      return {
        method: operation.method,
        path: `${operation.path.replace(/\{\w+\}/g, room)}?${query}${unknown}`,
        headers: {
          ...(hasBody && type ? { "content-type": type } : {}),
          ...(key === undefined ? {} : { "idempotency-key": key }),
        },
        body: hasBody ? body : undefined,
      };
    });
}
