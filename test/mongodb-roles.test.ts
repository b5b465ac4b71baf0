/**
 * infra/mongodb and the Compose file's secrets on three real mongods: persistence works under its role and by TLS, and
 * can do no more; nobody gets in without.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Child, findBinary, freePort, startNats, startProcess, until } from "@madang/local-stack";
import { MongoClient } from "mongodb";
import t, { type Test } from "tap";
import { runMongoShell } from "./mongo-shell.ts";

const ROOT = resolve(import.meta.dirname, "..");
const LIMIT_MS = 60_000;
const HOSTS = ["mongo-1", "mongo-2", "mongo-3"];

const dir = mkdtempSync(join(tmpdir(), "madang-mongodb-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const SECRETS = join(dir, "secrets");
execFileSync("sh", [join(ROOT, "infra/make-secrets.sh"), SECRETS]);
const variables = (name: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(join(SECRETS, `${name}.env`), "utf8")
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );

const COMPOSE = readFileSync(join(ROOT, "docker-compose.yml"), "utf8");
/** What the Compose file calls by the names that a container has for it. */
const here = (text: string) =>
  text
    .replace("/run/secrets/ca", join(SECRETS, "ca.pem"))
    .replace("/run/secrets/mongo-cert", join(SECRETS, "mongo.pem"))
    .replace("/run/secrets/mongo-key", join(SECRETS, "mongo-key"));
const TLS = { tls: true, tlsCAFile: join(SECRETS, "ca.pem") };

/** A member as the Compose file starts it: by its own entrypoint, which makes the shared key the server's own. */
async function startMember(t: Test, host: string, port: number): Promise<Child> {
  const shell = /entrypoint: \[sh, -c, '(.*)', mongod\]/.exec(COMPOSE)![1]!;
  const home = join(dir, host);
  mkdirSync(join(home, "db"), { recursive: true });
  const script = here(shell)
    .replaceAll("/tmp/mongo-key", join(home, "key"))
    .replace("exec mongod", `exec ${await findBinary("mongod")}`)
    .replace("$$@", "$@");
  const args = [...COMPOSE.matchAll(/^ {4}- (--\w.*)$/gm)].map(([, arg]) =>
    here(arg!).replace("/tmp/mongo-key", join(home, "key")).replace("--bind_ip_all", "--bind_ip=127.0.0.1"),
  );
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  const member = await Child.start({
    name: host,
    command: "sh",
    args: ["-c", script, "mongod", ...args, "--dbpath", join(home, "db"), "--port", `${port}`, "--nounixsocket"],
    port,
    url,
    logFile: join(home, "log"),
    ready: (signal) =>
      until(signal, async () => {
        const client = new MongoClient(url, { ...TLS, serverSelectionTimeoutMS: 500 });
        return client.connect().then(
          () => client.close().then(() => true),
          () => false,
        );
      }),
    readyLimitMs: LIMIT_MS,
    stopLimitMs: 0,
  });
  t.teardown(() => member.stop());
  return member;
}

t.test("persistence under its MongoDB role", { timeout: 180_000 }, async (t) => {
  const ports = await Promise.all(HOSTS.map(freePort));
  for (const [i, host] of HOSTS.entries()) await startMember(t, host, ports[i]!);
  const local = (text: string) =>
    HOSTS.reduce((all, host, i) => all.replace(new RegExp(`${host}(:27017)?`, "g"), `127.0.0.1:${ports[i]}`), text);
  const scripts = ["initiate.js", "roles.js"].map((name) => {
    const path = join(dir, name);
    writeFileSync(path, local(readFileSync(join(ROOT, "infra/mongodb", name), "utf8")));
    return path;
  });
  const shell = here(/"(mongodb:\/\/127\.0\.0\.1\/madang\?.*)"/.exec(COMPOSE)![1]!).replace(
    "127.0.0.1",
    `127.0.0.1:${ports[0]}`,
  );
  runMongoShell(shell, scripts, variables("mongo"));
  runMongoShell(shell, scripts, variables("mongo"));
  t.pass("what makes the set and its users runs, and does no harm when it runs again");
  t.throws(
    () => runMongoShell(shell, scripts, { ...variables("mongo"), MADANG_MONGODB_ADMIN_PASSWORD: "wrong" }),
    { message: /authentication/ },
    "the door for the first user is shut",
  );
  const nobody = new MongoClient(local("mongodb://mongo-1,mongo-2,mongo-3/madang?replicaSet=rs0"), TLS);
  t.teardown(() => nobody.close());
  await t.rejects(
    nobody.db().collection("messages").findOne(),
    { message: /authentication/ },
    "nobody reads without a user",
  );

  const url = local(variables("persistence")["MONGODB_URL"]!);
  for (const port of ports) {
    const knock = async (options: object) => {
      const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
        serverSelectionTimeoutMS: 2000,
        ...options,
      });
      await client.connect().finally(() => client.close());
    };
    await t.rejects(knock({}), { name: /^Mongo/ }, "nobody gets in without TLS");
    await t.rejects(knock({ tls: true }), { message: /certificate/ }, "nor who does not know its CA");
    await t.resolves(knock(TLS));
  }
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const start = (name: string, env: NodeJS.ProcessEnv) =>
    startProcess({ name, entry: join(ROOT, "services", name, "src/main.ts"), env: { NATS_URL: nats.url, ...env } });
  const persistence = await start("persistence", {
    MONGODB_URL: url,
    MONGODB_CA_FILE: here(/MONGODB_CA_FILE: (.*)/.exec(COMPOSE)![1]!),
    ADMIN_TOKEN: "a token of the moderators",
  });
  t.teardown(() => persistence.stop());
  const edge = await start("edge", { PERSISTENCE_URL: persistence.url, DRAIN_MS: "0" });
  t.teardown(() => edge.stop());
  const said = await fetch(`${edge.url}/v1/rooms/tls/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: "hello", user: "u" }),
  });
  t.equal(said.status, 201);
  await until(AbortSignal.timeout(LIMIT_MS), async () =>
    (await (await fetch(`${edge.url}/v1/rooms/tls/messages`)).text()).includes("hello"),
  );
  t.equal((await fetch(`${persistence.url}/v1/rooms/a`, { method: "PUT" })).status, 201);
  const login = await fetch(`${persistence.url}/admin/login`, {
    method: "POST",
    body: new URLSearchParams({ token: "a token of the moderators" }),
    redirect: "manual",
  });
  const headers = { cookie: login.headers.get("set-cookie")!.split(";")[0]! };
  for (const page of ["", "rooms", "messages", "people", "dead-letters", "audit"]) {
    t.equal((await fetch(`${persistence.url}/admin/${page}`, { headers })).status, 200, `/admin/${page}`);
  }
  const csrf = /name="csrf" value="([^"]+)"/.exec(
    await (await fetch(`${persistence.url}/admin/people`, { headers })).text(),
  )![1]!;
  const body = new URLSearchParams({ csrf, user: "u", confirm: "u" });
  await fetch(`${persistence.url}/admin/people/erase`, { method: "POST", headers, body, redirect: "manual" });
  const root = new MongoClient(
    url
      .replace(/\/\/.*?@/, `//admin:${variables("mongo")["MADANG_MONGODB_ADMIN_PASSWORD"]}@`)
      .replace("?", "?authSource=admin&"),
    TLS,
  );
  t.teardown(() => root.close());
  const jobs = root.db().collection("jobs");
  await until(AbortSignal.timeout(LIMIT_MS), async () => (await jobs.countDocuments({ done: true })) === 1);
  t.notMatch(persistence.output(), variables("mongo")["MADANG_MONGODB_PASSWORD"]!);

  const client = new MongoClient(url, TLS);
  t.teardown(() => client.close());
  const db = client.db();
  const refused = { code: 13 };
  await t.rejects(db.dropDatabase(), refused);
  await t.rejects(db.collection("messages").drop(), refused);
  await t.rejects(db.collection("audit").deleteMany({}), refused, "the audit log cannot be emptied");
  await t.rejects(db.collection("other").insertOne({}), refused);
  await t.rejects(db.command({ createUser: "x", pwd: "x", roles: [] }), refused);
  await t.rejects(client.db("admin").command({ usersInfo: 1 }), refused);
  await t.rejects(client.db("local").collection("oplog.rs").findOne(), refused);
});
