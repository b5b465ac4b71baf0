/** What an edge logs while what it needs is away: that it is so, and not once for each try or request. */
import { pino } from "pino";
import t, { type Test } from "tap";
import { bearer, knock } from "./auth-support.ts";
import { edgeFor, full, natsFor, until } from "./support.ts";

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly error?: string;
}

async function listened(t: Test, env: NodeJS.ProcessEnv = {}) {
  const nats = await natsFor(t);
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

t.test("NATS is away: rooms that wait are told of once", async (t) => {
  const { nats, edge, lines, asked } = await listened(t);
  await nats.kill("SIGKILL");
  await until(() => !edge.log.connected);
  const before = asked();
  const client = await full(t, edge, "u", [{ room: "a" }]);
  await until(() => asked() >= before + 5);
  const told = lines.filter(({ msg }) => msg.endsWith("rooms wait to be opened"));
  t.match(told, [{ level: 40, msg: "the log cannot be reached: rooms wait to be opened", error: String }]);
  t.equal(told.length, 1);
  await nats.restart();
  await client.next("joined");
});

t.test("NATS is away: that is told, though nobody comes", async (t) => {
  const { nats, edge, lines } = await listened(t);
  await nats.kill("SIGKILL");
  // The next audit, within 15 s, sees it.
  await until(() => lines.length > 0, 40_000);
  t.match(lines, [{ level: 40, msg: "the log cannot be reached", error: "not connected" }]);
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
