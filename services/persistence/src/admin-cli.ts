/**
 * `npm run erase -- --user NAME` (or `--user-id ID`) and `npm run export -- …`: the admin page's erasure and export, for
 * scripts. A running persistence service performs the erasure; this command only waits for it.
 */
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type NatsSettings, readRules } from "@madang/broker";
import { type Person, type Rule, requireUser } from "@madang/protocol";
import { HELP_OPTION, OperatorError, readArguments, run, UsageError } from "@madang/runtime";
import { loadConfig } from "./config.ts";
import { exportPerson } from "./moderation/export.ts";
import { openMongoAdminStore } from "./mongo/admin-store.ts";
import { safeError } from "./mongo/errors.ts";
import type { AdminStore } from "./store/admin-store.ts";

const POLL_MS = 250;
const HELP = `Usage: npm run erase -- (--user NAME | --user-id ID)
       npm run export -- (--user NAME | --user-id ID)

  erase   empties all messages of a person and replaces the person's name
  export  writes the person's bans, mutes and messages to standard output, one JSON object a line

  --user NAME   a nickname; matches only messages that were sent without a user id
  --user-id ID  a user id (the subject of a token)

Environment: MONGODB_URL; for an export also ADMIN_NATS_URL, or NATS_URL.`;

await run(async () => {
  const text = { type: "string" } as const;
  const { positionals, values } = readArguments({
    options: { user: text, "user-id": text, help: HELP_OPTION },
    allowPositionals: true,
  });
  if (values.help) return console.log(HELP);
  const [command, ...more] = positionals;
  if ((command !== "erase" && command !== "export") || more.length > 0)
    throw new UsageError("The command must be erase or export.");
  const person = personOf(values.user, values["user-id"]);
  const { MONGODB_URL, mongoCaFile, adminNats } = loadConfig();
  const rules = command === "export" ? await readAllRules(adminNats) : [];
  const store = openMongoAdminStore(MONGODB_URL, mongoCaFile);
  try {
    if (command === "erase") await erase(store, person);
    else await pipeline(exportPerson(store.search, rules, person), process.stdout).catch(unlessClosed);
  } catch (error) {
    throw operatorError(error);
  } finally {
    await store.close();
  }
});

/** @throws OperatorError */
async function readAllRules(nats: Omit<NatsSettings, "name">): Promise<Rule[]> {
  try {
    return await readRules({ ...nats, name: "madang export", inboxPrefix: "_INBOX_admin" });
  } catch (error) {
    throw new OperatorError(`NATS is not usable (${(error as Error).message}). Check ADMIN_NATS_URL, or NATS_URL.`);
  }
}

/** A reader such as `head` may close the pipe early. */
function unlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** Turns an error of MongoDB into one line for the operator. */
function operatorError(error: unknown): unknown {
  const isMongo = error instanceof Error && error.name.startsWith("Mongo");
  return isMongo ? new OperatorError(`MongoDB is not usable (${safeError(error).message}). Check MONGODB_URL.`) : error;
}

async function erase(store: AdminStore, person: Person): Promise<void> {
  const at = new Date().toISOString();
  const id = await store.jobs.add({ kind: "person", person }, at);
  await store.audit.add({ id: `${at} ${id}`, at, act: "erase person", detail: `${id}, by command`, state: "done" });
  console.error(`Erasure ${id} has begun. A running persistence service performs it, even if this command ends.`);
  while (!(await store.jobs.get(id))?.done) await delay(POLL_MS);
  console.error("Done.");
}

/** @throws UsageError */
function personOf(user: string | undefined, userId: string | undefined): Person {
  if ((user === undefined) === (userId === undefined)) throw new UsageError("Give either --user or --user-id.");
  if (userId !== undefined) return { userId, user: userId };
  try {
    return { user: requireUser(user) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
