/** During an outage of a dependency the edge logs one line about it, and not one for each try or request. */

import type { Log } from "@madang/broker";
import { bearer, eventually, figure, full, HttpClient, natsFor, replaced } from "@madang/test-kit";
import { pino } from "pino";
import t, { type Test } from "tap";
import { edgeFor } from "./support.ts";

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly error?: string;
}

async function listened(t: Test, env: NodeJS.ProcessEnv = {}, configText = "") {
  const nats = await natsFor(t, { configText });
  const lines: Line[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  let asked = 0;
  const wrapLog = (log: Log) =>
    replaced(log, {
      heads: (rooms) => {
        asked++;
        return log.heads(rooms);
      },
    });
  const edge = await edgeFor(t, nats, env, { logger, wrapLog });
  lines.length = 0;
  return { nats, edge, lines, asked: () => asked };
}

// These tests mostly wait, each on its own servers.
t.jobs = 4;

t.test("while NATS is away, waiting rooms are logged once", async (t) => {
  const { nats, edge, lines, asked } = await listened(t);
  await nats.kill("SIGKILL");
  await eventually(() => !edge.log.connected);
  const before = asked();
  const client = await full(t, edge, "u", ["a"]);
  await eventually(() => asked() >= before + 5);
  const logged = lines.filter(({ msg }) => msg.endsWith("rooms cannot open yet"));
  t.match(logged, [{ level: 40, msg: "the log cannot be reached: rooms cannot open yet", error: String }]);
  t.equal(logged.length, 1);
  await nats.restart();
  await client.next("joined");
});

t.test("while NATS is away, an edge without clients logs that", async (t) => {
  const { nats, edge, lines } = await listened(t);
  await nats.kill("SIGKILL");
  // The next audit, within 15 s, notices it.
  await eventually(() => lines.length > 0, { limitMs: 40_000 });
  t.match(lines, [
    { level: 40, msg: "the log cannot be reached", error: /^NATS cannot be reached \(|^not connected$/ },
  ]);
  await nats.restart();
  await eventually(() => edge.log.connected);
});

t.test("while history is away, each instance is logged once, and no request", async (t) => {
  const { edge, lines } = await listened(t, { PERSISTENCE_URL: "http://127.0.0.1:9,http://127.0.0.1:19" });
  for (let i = 0; i < 10; i++) {
    t.equal((await new HttpClient(edge).get("/v1/rooms/a/messages?limit=2")).status, 503);
  }
  t.same(lines.map(({ level, msg }) => `${level} ${msg}`).toSorted(), [
    "40 history cannot be read at 127.0.0.1:19",
    "40 history cannot be read at 127.0.0.1:9",
  ]);
  t.notMatch(JSON.stringify(lines), "limit=2", "the log has no URL of a request");
});

t.test("while the public keys are away, that is logged once, and clients are told to reconnect", async (t) => {
  const keys = { AUTH: "jwt", JWKS_URL: "http://127.0.0.1:10/keys", EDGE_SECRET: "x".repeat(32) };
  const { edge, lines } = await listened(t, keys);
  // Its signature is checked only once there is a key with its name.
  const jwt = `${Buffer.from('{"alg":"RS256","kid":"k"}').toString("base64url")}.e30.AAAA`;
  for (let i = 0; i < 3; i++) {
    const client = await full(t, edge, { token: jwt });
    t.match(await client.closing(), { code: 1012 });
    t.equal((await new HttpClient(edge, bearer(jwt)).get("/v1/rooms")).status, 500);
  }
  t.match(lines, [{ level: 40, msg: "tokens cannot be checked", error: String }]);
  t.equal(lines.length, 1);
  t.notMatch(JSON.stringify(lines), jwt);
});

/** As with a full disk: NATS answers everything except publishing. */
const STORES_NOTHING = `
  authorization { users: [{ user: all, password: all, permissions: { publish: { deny: "chat.log.>" } } }] }
  no_auth_user: all
`;

t.test("when NATS answers but stores nothing, /readyz, /metrics and the log say so", async (t) => {
  const { edge, lines } = await listened(t, {}, STORES_NOTHING);
  const ready = () => new HttpClient(edge).get("/readyz");
  const client = await full(t, edge, "u", ["a"]);
  await client.next("joined");
  t.equal((await ready()).status, 200, "no client has sent anything yet");
  t.equal(await figure(edge, "madang_log_connected"), 1);
  client.post("a", "x");
  await eventually(async () => (await ready()).status === 503, { limitMs: 60_000 });
  t.match((await ready()).body, { missing: { log: /stored nothing/ } });
  t.equal(await figure(edge, "madang_log_connected"), 0);
  await eventually(() => lines.length > 0, { limitMs: 40_000 });
  t.match(lines, [{ level: 40, msg: "the log does not store", error: /stored nothing/ }]);
});
