/** What an edge logs while what it needs is away: that it is so, and not once for each try or request. */
import { startNats } from "@madang/local-stack";
import { pino } from "pino";
import t, { type Test } from "tap";
import { bearer, knock } from "./auth-support.ts";
import { edgeFor, full, natsFor, until } from "./support.ts";

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly error?: string;
}

async function listened(t: Test, env: NodeJS.ProcessEnv = {}, configText = "") {
  const nats = configText === "" ? await natsFor(t) : await startNats({ configText });
  t.teardown(() => nats.stop());
  const lines: Line[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  let asked = 0;
  const edge = await edgeFor(
    t,
    nats,
    env,
    (log) =>
      new Proxy(log, {
        get(target, property) {
          if (property === "heads") asked++;
          const value = Reflect.get(target, property, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
    { logger },
  );
  lines.length = 0;
  return { nats, edge, lines, asked: () => asked };
}

// They wait, each on servers of its own.
t.jobs = 4;

t.test("NATS is away: rooms that wait are told of once", async (t) => {
  const { nats, edge, lines, asked } = await listened(t);
  await nats.kill("SIGKILL");
  await until(() => !edge.log.connected);
  const before = asked();
  const client = await full(t, edge, "u", [{ room: "a" }]);
  await until(() => asked() >= before + 5);
  const told = lines.filter(({ msg }) => msg.endsWith("rooms cannot open yet"));
  t.match(told, [{ level: 40, msg: "the log cannot be reached: rooms cannot open yet", error: String }]);
  t.equal(told.length, 1);
  await nats.restart();
  await client.next("joined");
});

t.test("NATS is away: that is told, though nobody comes", async (t) => {
  const { nats, edge, lines } = await listened(t);
  await nats.kill("SIGKILL");
  // The next audit, within 15 s, sees it.
  await until(() => lines.length > 0, 40_000);
  t.match(lines, [
    { level: 40, msg: "the log cannot be reached", error: /^NATS cannot be reached \(|^not connected$/ },
  ]);
  await nats.restart();
  await until(() => edge.log.connected);
});

t.test("history is away: each instance is told of once, and no request by itself", async (t) => {
  const { edge, lines } = await listened(t, { PERSISTENCE_URL: "http://127.0.0.1:9,http://127.0.0.1:19" });
  for (let i = 0; i < 10; i++) {
    t.equal((await fetch(`http://127.0.0.1:${edge.port}/v1/rooms/a/messages?limit=2`)).status, 503);
  }
  t.same(lines.map(({ level, msg }) => `${level} ${msg}`).toSorted(), [
    "40 history cannot be read at 127.0.0.1:19",
    "40 history cannot be read at 127.0.0.1:9",
  ]);
  t.notMatch(JSON.stringify(lines), "limit=2", "nor is what was asked for anybody's business");
});

t.test("the public keys are away: that is told once, and who comes is told to come again", async (t) => {
  const keys = { AUTH: "jwt", JWKS_URL: "http://127.0.0.1:10/keys", EDGE_SECRET: "x".repeat(32) };
  const { edge, lines } = await listened(t, keys);
  // Not even looked at, before there is a key of that name.
  const jwt = `${Buffer.from('{"alg":"RS256","kid":"k"}').toString("base64url")}.e30.AAAA`;
  for (let i = 0; i < 3; i++) {
    const client = await knock(t, edge.port, "/ws", { full: true });
    client.send({ type: "hello", token: jwt });
    t.match(await client.closing(), { code: 1012 });
    t.equal((await fetch(`http://127.0.0.1:${edge.port}/v1/rooms`, { headers: bearer(jwt) })).status, 500);
  }
  t.match(lines, [{ level: 40, msg: "tokens cannot be checked", error: String }]);
  t.equal(lines.length, 1);
  t.notMatch(JSON.stringify(lines), jwt);
});

/** As with a full disk: what is published has no answer, and everything else has. */
const STORES_NOTHING = `
  authorization { users: [{ user: all, password: all, permissions: { publish: { deny: "chat.log.>" } } }] }
  no_auth_user: all
`;

t.test("NATS answers, but stores nothing: /readyz, /metrics and the log say so", async (t) => {
  const { edge, lines } = await listened(t, {}, STORES_NOTHING);
  const url = `http://127.0.0.1:${edge.port}`;
  const connected = async () => /^madang_log_connected (.*)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
  const client = await full(t, edge, "u", [{ room: "a" }]);
  await client.next("joined");
  t.equal((await fetch(`${url}/readyz`)).status, 200, "nobody has tried");
  t.equal(await connected(), "1");
  client.send({ type: "message", room: "a", message: "x", nonce: "1" });
  await until(async () => (await fetch(`${url}/readyz`)).status === 503, 60_000);
  t.match(await (await fetch(`${url}/readyz`)).json(), { missing: { log: /stored nothing/ } });
  t.equal(await connected(), "0");
  await until(() => lines.length > 0, 40_000);
  t.match(lines, [{ level: 40, msg: "the log does not store", error: /stored nothing/ }]);
});
