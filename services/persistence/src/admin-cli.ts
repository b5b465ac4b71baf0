/**
 * `npm run erase -- --user NAME` or `--user-id ID`, and `npm run export -- …`: what the admin page's buttons do, for
 * scripts. An erasure is a job that a running persistence service does; this waits for it, and need not.
 */
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type NatsSettings, readRules } from "@madang/broker";
import { type Person, ProtocolError, type Rule, requireUser } from "@madang/protocol";
import { OperatorError, run } from "@madang/runtime";
import type { AdminStore } from "./admin/admin-store.ts";
import { exportPerson } from "./admin/export.ts";
import { openMongoAdmin } from "./admin/mongo-admin.ts";
import { loadConfig } from "./config.ts";
import { safeError } from "./mongo-errors.ts";

const POLL_MS = 250;
const USAGE = `Usage: npm run erase|export -- (--user NAME | --user-id ID)
erase empties all messages of a person and takes the name away; export writes the bans and mutes that concern them, and
their messages, to standard output, a line each. MONGODB_URL and ADMIN_NATS_URL say where these are.`;

await run(async () => {
  if (process.argv.includes("--help") || process.argv.includes("-h")) return console.log(USAGE);
  const [command, person] = readArguments();
  const { MONGODB_URL, mongoCaFile, adminNats } = loadConfig();
  const rules = command === "export" ? await readAllRules(adminNats) : [];
  const store = openMongoAdmin(MONGODB_URL, mongoCaFile);
  try {
    if (command === "erase") await erase(store, person);
    else await pipeline(exportPerson(store, rules, person), process.stdout).catch(unlessNobodyReads);
  } catch (error) {
    throw inOneLine(error);
  } finally {
    await store.close();
  }
});

/** @throws OperatorError */
async function readAllRules(nats: Omit<NatsSettings, "name">): Promise<Rule[]> {
  try {
    return await readRules({ ...nats, name: "madang export", inboxPrefix: "_INBOX_admin" });
  } catch (error) {
    throw new OperatorError(`NATS cannot be used (${(error as Error).message}): see ADMIN_NATS_URL, or NATS_URL.`);
  }
}

/** `… | head` has had enough. */
function unlessNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** A MongoDB that is away, or refuses us, is the operator's to put right. */
function inOneLine(error: unknown): unknown {
  const isMongos = error instanceof Error && error.name.startsWith("Mongo");
  return isMongos ? new OperatorError(`MongoDB cannot be used (${safeError(error).message}): see MONGODB_URL.`) : error;
}

async function erase(store: AdminStore, person: Person): Promise<void> {
  const at = new Date().toISOString();
  const id = await store.addJob({ kind: "person", person }, at);
  await store.record({ id: `${at} ${id}`, at, act: "erase person", detail: `${id}, by command`, state: "done" });
  console.error(`Erasure ${id} has begun; a running persistence service does it, also when this ends.`);
  while (!(await store.job(id))?.done) await delay(POLL_MS);
  console.error("Done.");
}

/** @throws OperatorError */
function readArguments(): [command: "erase" | "export", person: Person] {
  try {
    const options = { user: { type: "string" }, "user-id": { type: "string" } } as const;
    const { positionals, values } = parseArgs({ options, allowPositionals: true });
    const [command] = positionals;
    const { user, "user-id": userId } = values;
    if ((command !== "erase" && command !== "export") || (user === undefined) === (userId === undefined)) throw USAGE;
    return [command, userId === undefined ? { user: requireUser(user) } : { userId, user: userId }];
  } catch (error) {
    throw new OperatorError(error instanceof ProtocolError ? error.message : USAGE, 2);
  }
}
