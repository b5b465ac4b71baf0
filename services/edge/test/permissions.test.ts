/** Every route and frame × every role, on real services, compared with the one table in docs/reference/permissions.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Grant } from "@madang/auth";
import { startMongod, startProcess } from "@madang/local-stack";
import { UP_FRAMES } from "@madang/protocol";
import t, { type Test } from "tap";
import { bearer, JWT_ENV, knock, token } from "./auth-support.ts";
import { edgeFor, natsFor, until, type WireClient } from "./support.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PERSISTENCE = join(ROOT, "services/persistence/src/main.ts");
const ALL = ["read", "write", "moderate"] as const;

/** One who asks: where, and with what. */
interface Caller {
  readonly edge: number;
  readonly persistence: string;
  readonly jwt: string | undefined;
}

/** What happens, in the table's words. */
type Attempt = (t: Test, caller: Caller) => Promise<string>;

const authorization = ({ jwt }: Caller): Record<string, string> => (jwt === undefined ? {} : bearer(jwt));

const http =
  (method: string, path: string, body?: (caller: Caller) => object, where: "edge" | "persistence" = "edge"): Attempt =>
  async (_t, caller) => {
    const base = where === "edge" ? `http://127.0.0.1:${caller.edge}` : caller.persistence;
    const response = await fetch(base + path.replace(":room", "hall").replace(":nickname", "me"), {
      method,
      headers: { ...authorization(caller), ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body(caller)) } : {}),
    });
    const text = await response.text();
    if (path !== "/v1/rooms" || response.status !== 200) return String(response.status);
    const { rooms } = JSON.parse(text) as { rooms: { room: string }[] };
    return rooms.some(({ room }) => room === "hall") ? "listed" : "hidden";
  };

/** Says hello and what follows, and tells the answer: the first frame of its own, else the close code. */
const full =
  (answers: readonly string[], frames: (caller: Caller) => object[], path = "/ws"): Attempt =>
  async (t, caller) => {
    const client = await knock(t, caller.edge, path, { full: true });
    client.send({ type: "hello", ...(caller.jwt === undefined ? {} : { token: caller.jwt }) });
    await until(() => client.of("welcome").length > 0 || client.closed !== undefined);
    if (client.closed) return String(client.closed.code);
    const [last, ...before] = frames(caller).reverse();
    for (const frame of before.reverse()) {
      client.send(frame);
      await until(() => client.of("joined").length + client.of("error").length > 0);
    }
    if (!last) return "welcome";
    const from = client.frames.length;
    client.send(last);
    return answer(client, answers, from);
  };

const plain =
  (path: string, say: boolean): Attempt =>
  async (t, caller) => {
    const client = await knock(t, caller.edge, path, { headers: authorization(caller) });
    if (client.refusedWith !== undefined) return String(client.refusedWith);
    if (say) client.send({ message: "x", user: "me" });
    // A plain member is not told that it came in: what somebody else says then is what it gets.
    const stop = say ? () => {} : talkIn(caller);
    const got = await answer(client, ["message"], 0);
    stop();
    return got === "message" && !say ? "joined" : got;
  };

async function answer(client: WireClient, types: readonly string[], from: number): Promise<string> {
  let found: { type: string; code?: string } | undefined;
  await until(() => {
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
  "GET /ws, then hello": full(["welcome"], () => []),
  "GET /ws/, then hello": full(["welcome"], () => [], "/ws/"),
  join: full(["joined"], () => [JOIN]),
  message: full(["ack"], () => [JOIN, { type: "message", room: "hall", message: "x", nonce: "n" }]),
  leave: full(["left"], () => [JOIN, { type: "leave", room: "hall" }]),
  typing: async (t, caller) => {
    // Nothing answers it: what comes after it is answered first, unless it is refused.
    const frames = () => [JOIN, { type: "typing", room: "hall" }, { type: "leave", room: "hall" }];
    const got = await full(["left"], frames)(t, caller);
    return got === "left" ? "no answer" : got;
  },
  refresh: full(["welcome"], ({ jwt }) => [{ type: "refresh", token: jwt ?? "rubbish" }]),
  "GET /ws/chat/:room/ (plain)": plain("/ws/chat/hall/", false),
  "GET /ws/chat/:room (plain)": plain("/ws/chat/hall", false),
  'plain {"message","user"}': plain("/ws/chat/hall/", true),
  "persistence: GET /v1/rooms": persistence("GET", "/v1/rooms"),
  "persistence: GET /v1/rooms/:room": persistence("GET", "/v1/rooms/:room"),
  "persistence: PUT /v1/rooms/:room": persistence("PUT", "/v1/rooms/:room"),
  "persistence: GET /v1/rooms/:room/messages": persistence("GET", "/v1/rooms/:room/messages"),
};

/** The document's table: a row's name, and by role what is to happen. */
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

/** Routes of a Fastify server out of its printed tree, without assets and what is passed on to persistence. */
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
  t.strictSame([...table.keys()].sort(), Object.keys(ATTEMPTS).sort(), "every row is tried, and everything has a row");

  const [nats, mongod] = await Promise.all([natsFor(t), startMongod()]);
  t.teardown(() => mongod.stop());
  const persistenceFor = async (name: string, env: NodeJS.ProcessEnv) => {
    const shared = { NATS_URL: nats.url, MONGODB_URL: mongod.url, LOG_LEVEL: "warn" };
    const child = await startProcess({ name, entry: PERSISTENCE, env: { ...shared, ...env } });
    t.teardown(() => child.stop());
    return child.url;
  };
  const [closed, open] = [await persistenceFor("closed", JWT_ENV), await persistenceFor("open", {})];
  const closedEdge = await edgeFor(t, nats, {
    ...JWT_ENV,
    PERSISTENCE_URL: closed,
    SEND_LIMIT: "off",
    HISTORY_LIMIT: "off",
  });
  const openEdge = await edgeFor(t, nats, { PERSISTENCE_URL: open });

  const tokenFor = (sub: string, rooms: Grant[]) => token({ sub, name: sub, rooms }, 600);
  const jwt = (token: string | undefined): Caller => ({ edge: closedEdge.port, persistence: closed, jwt: token });
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
    "AUTH=none": { edge: openEdge.port, persistence: open, jwt: undefined },
  };
  talker = (caller) =>
    ATTEMPTS["POST /v1/rooms/:room/messages"]!(t, caller.jwt === undefined ? caller : callers["moderator"]!);
  await ATTEMPTS["PUT /v1/rooms/:room"]!(t, callers["writer"]!);
  await talker(callers["moderator"]!);
  await until(async () => (await ATTEMPTS["GET /v1/rooms"]!(t, callers["writer"]!)) === "listed");

  for (const [name, outcomes] of table) {
    for (const [role, expected] of outcomes) {
      const caller = callers[role];
      t.equal(caller && (await ATTEMPTS[name]?.(t, caller)), expected, `${name}: ${role}`);
    }
  }

  await t.test("no token and a bad one are the same", async (t) => {
    const bad = jwt(await token({ rooms: [{ pattern: "*", can: [...ALL] }] }, -60));
    for (const [name, outcomes] of table) {
      const expected = outcomes.get("without token")!;
      const expired = expected === "3500" ? "3005" : expected;
      t.equal(await ATTEMPTS[name]!(t, bad), expired, name);
    }
  });

  await t.test("no route and no frame is without its row", async (t) => {
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
    const api = (await (await fetch(`${closed}/docs/json`)).json()) as { paths: Record<string, object> };
    const documented = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
    );
    t.ok(documented.length >= 5);
    t.strictSame(
      documented.filter((route) => !rows.includes(route)),
      [],
    );
    // Sending is the edge's own.
    t.strictSame(
      documented.filter((route) => !route.startsWith("POST ") && !rows.includes(`persistence: ${route}`)),
      [],
    );
  });

  await t.test("the edge's own token is for persistence alone", async (t) => {
    const { auth } = closedEdge.config;
    const edgeToken = auth.mode === "jwt" ? auth.edgeToken : "";
    t.equal(await ATTEMPTS["persistence: GET /v1/rooms/:room"]!(t, jwt(edgeToken)), "200");
    t.equal(await ATTEMPTS["GET /v1/rooms/:room"]!(t, jwt(edgeToken)), "401");
    t.equal(await ATTEMPTS["GET /ws, then hello"]!(t, jwt(edgeToken)), "3500");
  });
});
