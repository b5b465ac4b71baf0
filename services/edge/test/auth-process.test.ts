import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bearer, connect, cookie, full, HttpClient, JWT_SECRET, run, startSystem, token } from "@madang/test-kit";
import t from "tap";

const entryOf = (service: string) => join(import.meta.dirname, "../..", service, "src/main.ts");

t.test("settings that would admit everyone, or are invalid, end both services with one line", async (t) => {
  const cases: [env: NodeJS.ProcessEnv, line: RegExp][] = [
    [{ HOST: "0.0.0.0" }, /everyone who reaches this address.*ALLOW_ANONYMOUS=true/],
    [{ AUTH: "jwt", JWT_SECRET: "short-and-secret" }, /JWT_SECRET must have at least 32 bytes/],
    [{ AUTH: "yes" }, /AUTH/],
  ];
  for (const service of ["edge", "persistence"]) {
    for (const [env, line] of cases) {
      const { code, stdout, stderr } = await run([entryOf(service)], { PORT: "0", ...env });
      t.equal(code, 1, service);
      t.match(stderr, line);
      t.equal(stderr.trim().split("\n").length, 1, stderr);
      t.notMatch(stdout + stderr, "short-and-secret");
    }
  }
});

t.test("no token and no secret reaches a log, at any level", async (t) => {
  const { edge } = await startSystem(t, { persistences: 0, auth: "jwt", env: { LOG_LEVEL: "trace" } });
  const http = new HttpClient(edge);
  const good = await token({ rooms: [{ name: "hall", can: ["read", "write"] }] });
  const bad = `${good}x`;
  for (const jwt of [good, bad]) {
    for (const headers of [bearer(jwt), cookie(jwt), { authorization: jwt }]) {
      for (const path of ["/", "/chat/hall/a", "/v1/rooms", "/v1/rooms/hall/messages", "/nothing", "/docs/"]) {
        await http.get(path, headers);
      }
      await connect(t, edge, "/ws/chat/hall/", { headers });
    }
    const client = await full(t, edge, { token: jwt }, ["hall"]);
    if (jwt === bad) await client.closing();
    else {
      client.send({ type: "refresh", token: bad });
      await client.closing();
    }
    const json = { "content-type": "application/json" };
    await http.request("POST", "/session", json, JSON.stringify({ token: jwt }));
    await http.request("POST", "/session", json, `{"token":"${jwt}",`);
  }
  const log = readFileSync(edge.logFile, "utf8");
  t.ok(log.length > 0);
  const [, payload, signature] = good.split(".");
  for (const secret of [payload!, signature!, JWT_SECRET]) t.notOk(log.includes(secret));
});
