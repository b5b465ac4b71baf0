import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startProcess } from "@madang/local-stack";
import t from "tap";
import { bearer, cookie, JWT_ENV, JWT_SECRET, knock, token } from "./auth-support.ts";
import { natsFor } from "./support.ts";

const SERVICES = join(import.meta.dirname, "../..");
const entryOf = (service: string) => join(SERVICES, service, "src/main.ts");

t.test("settings that would let anybody in, or cannot be used, end both services with one line", async (t) => {
  const cases: [env: NodeJS.ProcessEnv, said: RegExp][] = [
    [{ HOST: "0.0.0.0" }, /everyone who reaches this address.*ALLOW_ANONYMOUS=true/],
    [{ AUTH: "jwt", JWT_SECRET: "short-and-secret" }, /JWT_SECRET must have at least 32 bytes/],
    [{ AUTH: "yes" }, /AUTH/],
  ];
  for (const service of ["edge", "persistence"]) {
    for (const [env, said] of cases) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [entryOf(service)], {
        env: { PATH: process.env["PATH"], PORT: "0", ...env },
        encoding: "utf8",
        timeout: 20_000,
      });
      t.equal(status, 1, service);
      t.match(stderr, said);
      t.equal(stderr.trim().split("\n").length, 1, stderr);
      t.notMatch(stdout + stderr, "short-and-secret");
    }
  }
});

t.test("no token and no secret reaches a log, at any level", async (t) => {
  const nats = await natsFor(t);
  const edge = await startProcess({
    name: "edge",
    entry: entryOf("edge"),
    env: { ...JWT_ENV, NATS_URL: nats.url, LOG_LEVEL: "trace", PERSISTENCE_URL: "http://127.0.0.1:9" },
  });
  t.teardown(() => edge.stop());
  const good = await token({ rooms: [{ name: "hall", can: ["read", "write"] }] });
  const bad = `${good}x`;
  for (const jwt of [good, bad]) {
    for (const headers of [bearer(jwt), cookie(jwt), { authorization: jwt }]) {
      for (const path of ["/", "/chat/hall/a", "/v1/rooms", "/v1/rooms/hall/messages", "/nothing", "/docs/"]) {
        await (await fetch(edge.url + path, { headers })).text();
      }
      await knock(t, edge.port, "/ws/chat/hall/", { headers });
    }
    const client = await knock(t, edge.port, "/ws", { full: true });
    client.send({ type: "hello", token: jwt, join: [{ room: "hall" }] });
    if (jwt === bad) await client.closing();
    else {
      await client.next("welcome");
      client.send({ type: "refresh", token: bad });
      await client.closing();
    }
    const headers = { "content-type": "application/json" };
    await fetch(`${edge.url}/session`, { method: "POST", headers, body: JSON.stringify({ token: jwt }) });
    await fetch(`${edge.url}/session`, { method: "POST", headers, body: `{"token":"${jwt}",` });
  }
  const log = readFileSync(edge.logFile, "utf8");
  t.ok(log.length > 0);
  const [, payload, signature] = good.split(".");
  for (const secret of [payload!, signature!, JWT_SECRET]) t.notOk(log.includes(secret));
});
