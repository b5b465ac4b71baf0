/** infra/mongodb/roles.js on a real mongod with users: persistence works under its role, and can do no more. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runInNewContext } from "node:vm";
import { Child, findBinary, freePort, startNats, startProcess, until } from "@madang/local-stack";
import { type Db, MongoClient } from "mongodb";
import t from "tap";

const ROOT = resolve(import.meta.dirname, "..");
const LIMIT_MS = 60_000;

/** Runs a script of mongosh's as far as this one goes: what it asks of `db` is gathered, and done in its order. */
async function runShellScript(db: Db, path: string, env: Record<string, string>): Promise<void> {
  const commands: object[] = [];
  const shell = {
    getName: () => db.databaseName,
    getRole: () => null,
    getUser: () => null,
    createRole: ({ role, ...rest }: { role: string }) => commands.push({ createRole: role, ...rest }),
    createUser: ({ user, ...rest }: { user: string }) => commands.push({ createUser: user, ...rest }),
  };
  runInNewContext(readFileSync(path, "utf8"), { db: shell, process: { env } });
  for (const command of commands) await db.command(JSON.parse(JSON.stringify(command)));
}

t.test("persistence under its MongoDB role", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "madang-mongodb-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, "db"));
  writeFileSync(join(dir, "key"), "aKeyThatTheMembersShare", { mode: 0o600 });
  const port = await freePort();
  const direct = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  const mongod = await Child.start({
    name: "mongod",
    command: await findBinary("mongod"),
    args: [
      ...["--dbpath", join(dir, "db"), "--port", String(port), "--bind_ip", "127.0.0.1", "--nounixsocket"],
      ...["--replSet", "rs0", "--keyFile", join(dir, "key"), "--wiredTigerCacheSizeGB", "0.25"],
    ],
    port,
    url: direct,
    logFile: join(dir, "log"),
    ready: (signal) =>
      until(signal, async () => {
        const client = new MongoClient(direct, { serverSelectionTimeoutMS: 500 });
        return client.connect().then(
          () => client.close().then(() => true),
          () => false,
        );
      }),
    readyLimitMs: LIMIT_MS,
    stopLimitMs: 0,
  });
  t.teardown(() => mongod.stop());

  const first = new MongoClient(direct);
  await first
    .db("admin")
    .command({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: `127.0.0.1:${port}` }] } });
  const admin = { createUser: "root", pwd: "root", roles: ["root"] };
  await until(AbortSignal.timeout(LIMIT_MS), () =>
    first
      .db("admin")
      .command(admin)
      .then(
        () => true,
        () => false,
      ),
  );
  await first.close();
  const root = new MongoClient(`mongodb://root:root@127.0.0.1:${port}/madang?authSource=admin&directConnection=true`);
  t.teardown(() => root.close());
  await runShellScript(root.db(), join(ROOT, "infra/mongodb/roles.js"), { MADANG_MONGODB_PASSWORD: "hunter2" });

  const url = `mongodb://persistence:hunter2@127.0.0.1:${port}/madang?replicaSet=rs0`;
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const start = (name: string, env: NodeJS.ProcessEnv) =>
    startProcess({ name, entry: join(ROOT, "services", name, "src/main.ts"), env: { NATS_URL: nats.url, ...env } });
  const persistence = await start("persistence", { MONGODB_URL: url, ADMIN_TOKEN: "a token of the moderators" });
  t.teardown(() => persistence.stop());
  t.equal((await fetch(`${persistence.url}/v1/rooms/a`, { method: "PUT" })).status, 201);
  const login = await fetch(`${persistence.url}/admin/login`, {
    method: "POST",
    body: new URLSearchParams({ token: "a token of the moderators" }),
    redirect: "manual",
  });
  const headers = { cookie: login.headers.get("set-cookie")!.split(";")[0]! };
  for (const page of ["", "rooms", "messages", "people", "letters", "audit"]) {
    t.equal((await fetch(`${persistence.url}/admin/${page}`, { headers })).status, 200, `/admin/${page}`);
  }
  const csrf = /name="csrf" value="([^"]+)"/.exec(
    await (await fetch(`${persistence.url}/admin/people`, { headers })).text(),
  )![1]!;
  const body = new URLSearchParams({ csrf, user: "u", confirm: "u" });
  await fetch(`${persistence.url}/admin/people/erase`, { method: "POST", headers, body, redirect: "manual" });
  const jobs = root.db().collection("jobs");
  await until(AbortSignal.timeout(LIMIT_MS), async () => (await jobs.countDocuments({ done: true })) === 1);

  const client = new MongoClient(url);
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
