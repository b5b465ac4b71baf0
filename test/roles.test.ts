/** What each NATS role of infra/nats/roles.conf may do, and above all what it may not, while the system runs under them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DEFAULT_LOG_SETTINGS, openLogAdmin } from "@madang/broker";
import { startMongod, startNats, startProcess, until } from "@madang/local-stack";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import t, { type Test } from "tap";

const ROOT = resolve(import.meta.dirname, "..");
const LIMIT_MS = 30_000;
const ADMIN_TOKEN = "a token of the moderators";

const dir = mkdtempSync(join(tmpdir(), "madang-roles-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
execFileSync("sh", [join(ROOT, "infra/make-secrets.sh"), dir]);
const passwords = readFileSync(join(dir, "nats.env"), "utf8").trim();
const passwordOf = (role: string) => new RegExp(`^NATS_${role.toUpperCase()}_PASSWORD=(.*)$`, "m").exec(passwords)![1]!;

const nats = await startNats({
  configText: [
    passwords,
    `tls { cert_file: "${dir}/server.pem", key_file: "${dir}/server-key.pem" }`,
    readFileSync(join(ROOT, "infra/nats/roles.conf"), "utf8"),
  ].join("\n"),
});
t.teardown(() => nats.stop());
const urlOf = (role: string) => `tls://${role}:${passwordOf(role)}@127.0.0.1:${nats.port}`;

/** A connection as that role, and what the server has refused it. */
async function as(t: Test, role: string): Promise<{ nc: NatsConnection; refusals: string[] }> {
  const nc = await connect({
    servers: `127.0.0.1:${nats.port}`,
    user: role,
    pass: passwordOf(role),
    tls: { caFile: join(dir, "ca.pem") },
    inboxPrefix: `_INBOX_${role}`,
  });
  t.teardown(() => nc.close());
  const refusals: string[] = [];
  void (async () => {
    for await (const status of nc.status()) if (status.type === "error") refusals.push(status.error.message);
  })();
  return { nc, refusals };
}

const API = "$JS.API";
const CREATE_CONSUMER = JSON.stringify({
  stream_name: "CHAT",
  config: { durable_name: "spy", ack_policy: "explicit", deliver_policy: "all" },
});

/** Subject and body of what would do harm. */
const HARM: Record<string, [subject: string, body?: string]> = {
  "delete the log": [`${API}.STREAM.DELETE.CHAT`],
  "purge the log": [`${API}.STREAM.PURGE.CHAT`],
  "change the log": [`${API}.STREAM.UPDATE.CHAT`, JSON.stringify({ name: "CHAT", subjects: ["x"] })],
  "delete an event": [`${API}.STREAM.MSG.DELETE.CHAT`, JSON.stringify({ seq: 1 })],
  "get an event": [`${API}.STREAM.MSG.GET.CHAT`, JSON.stringify({ seq: 1 })],
  "list streams": [`${API}.STREAM.NAMES`],
  "make a stream": [`${API}.STREAM.CREATE.SPY`, JSON.stringify({ name: "SPY", subjects: ["_INBOX_admin.>"] })],
  "make a consumer": [`${API}.CONSUMER.DURABLE.CREATE.CHAT.spy`, CREATE_CONSUMER],
  "make a nameless consumer": [`${API}.CONSUMER.CREATE.CHAT`, CREATE_CONSUMER],
  "delete the rules": [`${API}.STREAM.DELETE.CHAT_RULES`],
  "purge the rules": [`${API}.STREAM.PURGE.CHAT_RULES`],
  "lay down a rule": ["chat.rule.room.a", JSON.stringify({ kind: "room", room: "a", status: 2, slowModeS: 0 })],
  "fake a live event": ["chat.live.a", "{}"],
  "fake a live rule": ["chat.rulelive.room.a", "{}"],
  "speak in a room": ["chat.log.00.a", "{}"],
  "say what users have used up": ["chat.gossip", "{}"],
  "say who is typing": ["chat.transient.a", "{}"],
  "fake an answer to another role": ["_INBOX_persistence.x", "{}"],
};
const everything = Object.keys(HARM);
const MAY: Record<string, string[]> = {
  edge: ["speak in a room", "say what users have used up", "say who is typing"],
  // Making a consumer is what it is there for. With that right it could have the log delivered anywhere: see the ADR.
  persistence: ["make a consumer"],
  // With the right to change the log it could be told to forget: who may delete each event could do that anyhow.
  admin: ["speak in a room", "lay down a rule", "delete an event", "change the log"],
};
const EARS: Record<string, string[]> = {
  edge: [
    ">",
    "chat.>",
    "chat.log.>",
    "chat.edge.*",
    "_INBOX.>",
    "_INBOX_persistence.>",
    "_INBOX_admin.>",
    "$JS.>",
    "$SYS.>",
  ],
  persistence: [
    ">",
    "chat.live.*",
    "chat.transient.*",
    "chat.log.>",
    "chat.rulelive.>",
    "chat.edge.*",
    "chat.gossip",
    "_INBOX_edge.>",
    "_INBOX_admin.>",
    "$JS.>",
  ],
  admin: [
    ">",
    "chat.live.*",
    "chat.transient.*",
    "chat.log.>",
    "chat.gossip",
    "_INBOX_edge.>",
    "_INBOX_persistence.>",
    "$JS.>",
    "$SYS.>",
  ],
};

t.test("the system runs under the shipped roles, and no role can do more than it must", async (t) => {
  const mongod = await startMongod();
  t.teardown(() => mongod.stop());
  const env = { NATS_CA_FILE: join(dir, "ca.pem"), MONGODB_URL: mongod.url, ADMIN_TOKEN, DRAIN_MS: "0" };
  const service = async (name: string, more: NodeJS.ProcessEnv) => {
    const entry = join(ROOT, "services", name, "src/main.ts");
    const child = await startProcess({ name, entry, env: { ...env, ...more } });
    t.teardown(() => child.stop());
    return child;
  };
  const persistence = await service("persistence", { NATS_URL: urlOf("persistence"), ADMIN_NATS_URL: urlOf("admin") });
  const edge = await service("edge", { NATS_URL: urlOf("edge"), PERSISTENCE_URL: persistence.url });
  const say = (message: string) =>
    fetch(`${edge.url}/v1/rooms/a/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message, user: "u" }),
    });
  t.equal((await say("hello")).status, 201);
  const history = async () =>
    (await (await fetch(`${edge.url}/v1/rooms/a/messages`)).json()) as { messages?: unknown[] };
  await until(AbortSignal.timeout(LIMIT_MS), async () => (await history()).messages?.length === 1);

  const login = await fetch(`${persistence.url}/admin/login`, {
    method: "POST",
    body: new URLSearchParams({ token: ADMIN_TOKEN }),
    redirect: "manual",
  });
  const headers = { cookie: login.headers.get("set-cookie")!.split(";")[0]! };
  const page = await (await fetch(`${persistence.url}/admin/people`, { headers })).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(page)![1]!;
  const mute = new URLSearchParams({ csrf, act: "mute", user: "u", room: "a" });
  const done = await fetch(`${persistence.url}/admin/people`, {
    method: "POST",
    headers,
    body: mute,
    redirect: "manual",
  });
  t.equal(done.status, 303, "the role admin can moderate");
  await until(AbortSignal.timeout(LIMIT_MS), async () => (await say("muted?")).status === 403);

  await t.rejects(connect({ servers: `127.0.0.1:${nats.port}`, tls: { caFile: join(dir, "ca.pem") } }), "no password");
  await t.rejects(
    connect({ servers: `127.0.0.1:${nats.port}`, user: "edge", pass: passwordOf("edge"), tls: {} }),
    "another CA",
  );

  for (const role of ["edge", "persistence", "admin"]) {
    await t.test(role, async (t) => {
      const { nc, refusals } = await as(t, role);
      const refused = async (subject: string) => {
        await nc.flush();
        await until(AbortSignal.timeout(LIMIT_MS), async () => refusals.some((text) => text.includes(`"${subject}"`)));
      };
      for (const what of everything.filter((what) => !MAY[role]!.includes(what))) {
        const [subject, body = ""] = HARM[what]!;
        nc.publish(subject, body, subject.startsWith(API) ? { reply: `_INBOX_${role}.x` } : {});
        await refused(subject);
        t.pass(`cannot ${what}`);
      }
      for (const subject of EARS[role]!) {
        nc.subscribe(subject, { callback: () => {} });
        await refused(subject);
        t.pass(`cannot hear ${subject}`);
      }
    });
  }
  t.equal((await history()).messages?.length, 1);
  const logAdmin = openLogAdmin(
    { url: urlOf("admin"), name: "log admin", inboxPrefix: "_INBOX_admin", caFile: join(dir, "ca.pem") },
    DEFAULT_LOG_SETTINGS,
    () => {},
  );
  t.teardown(() => logAdmin.close());
  await logAdmin.ready;
  const { epoch, lastSeq } = await logAdmin.log();
  t.equal(await logAdmin.renewLog({ epoch, seq: lastSeq }), false);
  t.equal(
    await logAdmin.renewLog({ epoch, seq: lastSeq + 1 }),
    true,
    "the role admin can give a log that was put back another epoch",
  );
  t.equal((await fetch(`${edge.url}/readyz`)).status, 200, "and all of that did no harm");
});
