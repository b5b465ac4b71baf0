/** Every route and frame with every role, on real services, compared with the table in docs/reference/permissions.md. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Grant } from "@madang/auth";
import { UP_FRAMES } from "@madang/protocol";
import {
  bearer,
  connect,
  eventually,
  HttpClient,
  JWT_ENV,
  type Server,
  startSystem,
  token,
  type WireClient,
} from "@madang/test-kit";
import t, { type Test } from "tap";
import { edgeFor } from "./support.ts";

const ROOT = join(import.meta.dirname, "../../..");
const ALL = ["read", "write", "moderate"] as const;

interface OpenApi {
  readonly paths: Record<string, object>;
}

/** The ports of an edge and its persistence, and the token of the caller. */
interface Caller {
  readonly edge: Server;
  readonly persistence: Server;
  readonly jwt: string | undefined;
}

/** Makes the request; resolves with the outcome in the table's words. */
type Attempt = (t: Test, caller: Caller) => Promise<string>;

const authorization = ({ jwt }: Caller): Record<string, string> => (jwt === undefined ? {} : bearer(jwt));

const http =
  (method: string, path: string, body?: (caller: Caller) => object, where: "edge" | "persistence" = "edge"): Attempt =>
  async (_t, caller) => {
    const url = path.replace(":room", "hall").replace(":nickname", "me");
    const headers = { ...authorization(caller), ...(body ? { "content-type": "application/json" } : {}) };
    const client = new HttpClient(caller[where], headers);
    const response = await client.request(method, url, {}, body && JSON.stringify(body(caller)));
    if (path !== "/v1/rooms" || response.status !== 200) return String(response.status);
    const { rooms } = response.body as { rooms: { room: string }[] };
    return rooms.some(({ room }) => room === "hall") ? "listed" : "hidden";
  };

/** Sends hello and the frames. The outcome is the first answer to the last frame, else the close code. */
const byFrames =
  (answers: readonly string[], frames: (caller: Caller) => object[], path = "/ws"): Attempt =>
  async (t, caller) => {
    const client = await connect(t, caller.edge, path, { full: true });
    client.send({ type: "hello", ...(caller.jwt === undefined ? {} : { token: caller.jwt }) });
    await eventually(() => client.of("welcome").length > 0 || client.closed !== undefined);
    if (client.closed) return String(client.closed.code);
    const [last, ...before] = frames(caller).reverse();
    for (const frame of before.reverse()) {
      client.send(frame);
      await eventually(() => client.of("joined").length + client.of("error").length > 0);
    }
    if (!last) return "welcome";
    const from = client.frames.length;
    client.send(last);
    return answer(client, answers, from);
  };

const byPlainClient =
  (path: string, say: boolean): Attempt =>
  async (t, caller) => {
    const client = await connect(t, caller.edge, path, { headers: authorization(caller) });
    if (client.refusedWith !== undefined) return String(client.refusedWith);
    if (say) client.send({ message: "x", user: "me" });
    // No frame tells a plain client that it has joined. It has when it receives the messages of another one.
    const stop = say ? () => {} : talkIn(caller);
    const got = await answer(client, ["message"], 0);
    stop();
    return got === "message" && !say ? "joined" : got;
  };

async function answer(client: WireClient, types: readonly string[], from: number): Promise<string> {
  let found: { type: string; code?: string } | undefined;
  await eventually(() => {
    found = client.frames.slice(from).find(({ type }) => type === "error" || types.includes(type));
    return found !== undefined || client.closed !== undefined;
  });
  return found?.code ?? found?.type ?? String(client.closed!.code);
}

let talker: (caller: Caller) => Promise<unknown>;

function talkIn(caller: Caller): () => void {
  const timer = setInterval(() => void talker(caller).catch(() => {}), 100);
  return () => clearInterval(timer);
}

const JOIN = { type: "join", room: "hall" };
const persistence = (method: string, path: string) => http(method, path, undefined, "persistence");

const ATTEMPTS: Record<string, Attempt> = {
  "GET /": http("GET", "/"),
  "GET /chat": http("GET", "/chat"),
  "GET /chat/": http("GET", "/chat/"),
  "GET /chat/:room": http("GET", "/chat/:room"),
  "GET /chat/:room/": http("GET", "/chat/:room/"),
  "GET /chat/:room/:nickname": http("GET", "/chat/:room/:nickname"),
  "GET /chat/:room/:nickname/": http("GET", "/chat/:room/:nickname/"),
  "POST /session": http("POST", "/session", ({ jwt }) => ({ token: jwt ?? "rubbish" })),
  "DELETE /session": http("DELETE", "/session"),
  "POST /v1/rooms/:room/messages": http("POST", "/v1/rooms/:room/messages", () => ({ message: "x" })),
  "GET /v1/rooms": http("GET", "/v1/rooms"),
  "GET /v1/rooms/:room": http("GET", "/v1/rooms/:room"),
  "PUT /v1/rooms/:room": http("PUT", "/v1/rooms/:room"),
  "GET /v1/rooms/:room/messages": http("GET", "/v1/rooms/:room/messages"),
  "GET /docs/": http("GET", "/docs/"),
  "GET /bad-url": http("GET", "/bad-url"),
  "GET /livez": http("GET", "/livez"),
  "GET /readyz": http("GET", "/readyz"),
  "GET /metrics": http("GET", "/metrics"),
  "GET /ws, then hello": byFrames(["welcome"], () => []),
  "GET /ws/, then hello": byFrames(["welcome"], () => [], "/ws/"),
  join: byFrames(["joined"], () => [JOIN]),
  message: byFrames(["ack"], () => [JOIN, { type: "message", room: "hall", message: "x", nonce: "n" }]),
  leave: byFrames(["left"], () => [JOIN, { type: "leave", room: "hall" }]),
  typing: async (t, caller) => {
    // No frame answers it. The frame behind it is answered first, unless it is refused.
    const frames = () => [JOIN, { type: "typing", room: "hall" }, { type: "leave", room: "hall" }];
    const got = await byFrames(["left"], frames)(t, caller);
    return got === "left" ? "no answer" : got;
  },
  refresh: byFrames(["welcome"], ({ jwt }) => [{ type: "refresh", token: jwt ?? "rubbish" }]),
  "GET /ws/chat/:room/ (plain)": byPlainClient("/ws/chat/hall/", false),
  "GET /ws/chat/:room (plain)": byPlainClient("/ws/chat/hall", false),
  'plain {"message","user"}': byPlainClient("/ws/chat/hall/", true),
  "persistence: GET /v1/rooms": persistence("GET", "/v1/rooms"),
  "persistence: GET /v1/rooms/:room": persistence("GET", "/v1/rooms/:room"),
  "persistence: PUT /v1/rooms/:room": persistence("PUT", "/v1/rooms/:room"),
  "persistence: GET /v1/rooms/:room/messages": persistence("GET", "/v1/rooms/:room/messages"),
};

/** The table of the document: the expected outcome by row and role. */
function readTable(): Map<string, Map<string, string>> {
  const lines = readFileSync(join(ROOT, "docs/reference/permissions.md"), "utf8").split("\n");
  const cells = (line: string) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim());
  const start = lines.findIndex((line) => line.startsWith("| route or frame"));
  const roles = cells(lines[start]!).slice(1);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return new Map(
    lines.slice(start + 2, end).map((line) => {
      const [name, ...outcomes] = cells(line);
      return [name!, new Map(roles.map((role, index) => [role, outcomes[index]!]))];
    }),
  );
}

/** The routes of a Fastify server from its printed tree, without assets and routes forwarded to persistence. */
function routesOf(tree: string): string[] {
  const routes: string[] = [];
  const path: string[] = [];
  for (const line of tree.split("\n")) {
    const match = /^((?:│ {3}| {4})*)[├└]── (.*?)(?: \(([A-Z, -]+)\))?$/.exec(line);
    if (!match) continue;
    path.length = match[1]!.length / 4;
    path.push(match[2]!);
    const url = path.join("").replace(/^\/\//, "/");
    for (const method of match[3]?.split(", ") ?? []) routes.push(`${method} ${url}`);
  }
  return routes.filter(
    (route) => !/^(HEAD|OPTIONS) |^[A-Z-]+ \/(v1|docs)\/?$|\/assets\/|\.(svg|css|js|ico|txt)$|\*$/.test(route),
  );
}

t.test("the table of docs/reference/permissions.md holds", { timeout: 120_000 }, async (t) => {
  const table = readTable();
  t.strictSame([...table.keys()].sort(), Object.keys(ATTEMPTS).sort(), "every row is tested, and every test has a row");

  const closed = await startSystem(t, { edges: 0, auth: "jwt", env: { LOG_LEVEL: "warn" } });
  const { nats } = closed;
  const open = await closed.startPersistence({ env: { AUTH: "none", JWT_SECRET: "" } });
  const closedEdge = await edgeFor(t, nats, {
    ...JWT_ENV,
    PERSISTENCE_URL: closed.persistence.url,
    SEND_LIMIT: "off",
    HISTORY_LIMIT: "off",
  });
  const openEdge = await edgeFor(t, nats, { PERSISTENCE_URL: open.url });

  const tokenFor = (sub: string, rooms: Grant[]) => token({ sub, name: sub, rooms }, 600);
  const jwt = (token: string | undefined): Caller => ({
    edge: closedEdge,
    persistence: closed.persistence,
    jwt: token,
  });
  const callers: Record<string, Caller> = {
    "without token": jwt(undefined),
    reader: jwt(await tokenFor("reader", [{ name: "hall", can: ["read"] }])),
    writer: jwt(await tokenFor("writer", [{ name: "hall", can: ["read", "write"] }])),
    moderator: jwt(await tokenFor("moderator", [{ pattern: "ha*", can: [...ALL] }])),
    stranger: jwt(
      await tokenFor("stranger", [
        { name: "other", can: [...ALL] },
        { pattern: "hall-*", can: [...ALL] },
      ]),
    ),
    "AUTH=none": { edge: openEdge, persistence: open, jwt: undefined },
  };
  talker = (caller) =>
    ATTEMPTS["POST /v1/rooms/:room/messages"]!(t, caller.jwt === undefined ? caller : callers["moderator"]!);
  await ATTEMPTS["PUT /v1/rooms/:room"]!(t, callers["writer"]!);
  await talker(callers["moderator"]!);
  await eventually(async () => (await ATTEMPTS["GET /v1/rooms"]!(t, callers["writer"]!)) === "listed");

  for (const [name, outcomes] of table) {
    for (const [role, expected] of outcomes) {
      const caller = callers[role];
      t.equal(caller && (await ATTEMPTS[name]?.(t, caller)), expected, `${name}: ${role}`);
    }
  }

  await t.test("an invalid token has the outcome of no token", async (t) => {
    const bad = jwt(await token({ rooms: [{ pattern: "*", can: [...ALL] }] }, -60));
    for (const [name, outcomes] of table) {
      const expected = outcomes.get("without token")!;
      const expired = expected === "3500" ? "3005" : expected;
      t.equal(await ATTEMPTS[name]!(t, bad), expired, name);
    }
  });

  await t.test("every route and every frame has a row", async (t) => {
    const rows = [...table.keys()].map((row) => row.replace(/ \(plain\)$|, then hello$/, ""));
    const routes = routesOf(closedEdge.app.printRoutes({ commonPrefix: false }));
    t.ok(routes.length > 10, routes.join(", "));
    t.strictSame(
      routes.filter((route) => !rows.includes(route)),
      [],
    );
    t.strictSame(
      Object.keys(UP_FRAMES).filter((frame) => frame !== "hello" && !rows.includes(frame)),
      [],
    );
    const { paths } = (await new HttpClient(closed.persistence).get("/docs/json")).body as OpenApi;
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
    );
    t.ok(documented.length >= 5);
    t.strictSame(
      documented.filter((route) => !rows.includes(route)),
      [],
    );
    // Only the edge accepts messages.
    t.strictSame(
      documented.filter((route) => !route.startsWith("POST ") && !rows.includes(`persistence: ${route}`)),
      [],
    );
  });

  await t.test("only persistence accepts the token of the edge", async (t) => {
    const { auth } = closedEdge.config;
    const edgeToken = auth.mode === "jwt" ? auth.edgeToken : "";
    t.equal(await ATTEMPTS["persistence: GET /v1/rooms/:room"]!(t, jwt(edgeToken)), "200");
    t.equal(await ATTEMPTS["GET /v1/rooms/:room"]!(t, jwt(edgeToken)), "401");
    t.equal(await ATTEMPTS["GET /ws, then hello"]!(t, jwt(edgeToken)), "3500");
  });
});
