/**
 * `npm run erase -- --user NAME` or `--user-id ID`, and `npm run export -- …`: what the admin page's buttons do, for
 * scripts. An erasure is a job that a running persistence service does; this waits for it, and need not.
 */
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type NatsSettings, readRules } from "@madang/broker";
import { type Person, type Rule, requireUser } from "@madang/protocol";
import { HELP_OPTION, OperatorError, readArguments, run, UsageError } from "@madang/runtime";
import { loadConfig } from "./config.ts";
import { exportPerson } from "./moderation/export.ts";
import { openMongoAdmin } from "./mongo/admin.ts";
import { safeError } from "./mongo/errors.ts";
import type { AdminStore } from "./store/admin-store.ts";

const POLL_MS = 250;
const HELP = `Usage: npm run erase|export -- (--user NAME | --user-id ID)
erase empties all messages of a person and takes the name away; export writes the bans and mutes that concern them, and
their messages, to standard output, a line each. MONGODB_URL and ADMIN_NATS_URL say where these are.`;

await run(async () => {
  const text = { type: "string" } as const;
  const { positionals, values } = readArguments({
    options: { user: text, "user-id": text, help: HELP_OPTION },
    allowPositionals: true,
  });
  if (values.help) return console.log(HELP);
  const [command, ...more] = positionals;
  if ((command !== "erase" && command !== "export") || more.length > 0) throw new UsageError("It is erase or export.");
  const person = personOf(values.user, values["user-id"]);
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

/** @throws UsageError */
function personOf(user: string | undefined, userId: string | undefined): Person {
  if ((user === undefined) === (userId === undefined)) throw new UsageError("One of --user and --user-id is needed.");
  if (userId !== undefined) return { userId, user: userId };
  try {
    return { user: requireUser(user) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
