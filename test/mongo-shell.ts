/** As much of mongosh as the scripts of infra/mongodb need, on a real server: a shell whose calls wait for their answers. */
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker, workerData } from "node:worker_threads";
import { type Document, MongoClient, MongoServerError } from "mongodb";

const WAIT_LIMIT_MS = 60_000;

interface Question {
  readonly url: string;
  readonly db: string;
  readonly command: Document;
}
interface Answer {
  readonly reply?: Document;
  readonly error?: { readonly message: string; readonly codeName: string };
}

/** Runs scripts one after the other in one shell. @throws what they throw */
export function runMongoShell(url: string, scripts: readonly string[], env: Record<string, string>): void {
  const { port1: port, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(import.meta.filename, { workerData: { port: port2, signal }, transferList: [port2] });
  let here = url;
  const ask = (db: string, command: Document): Document => {
    Atomics.store(signal, 0, 0);
    port.postMessage({ url: here, db, command } satisfies Question);
    if (Atomics.wait(signal, 0, 0, WAIT_LIMIT_MS) === "timed-out") throw new Error("MongoDB does not answer");
    const { reply, error } = receiveMessageOnPort(port)!.message as Answer;
    if (error) throw Object.assign(new Error(error.message), { codeName: error.codeName });
    return reply!;
  };
  const database = (name: string): Document => ({
    getName: () => name,
    getSiblingDB: database,
    auth: (user: string, pwd: string) => {
      const before = here;
      const known = new URL(url);
      [known.username, known.password] = [user, pwd];
      known.searchParams.set("authSource", name);
      here = known.href;
      try {
        ask("admin", { connectionStatus: 1 });
      } catch (error) {
        here = before;
        throw error;
      }
    },
    hello: () => ask(name, { hello: 1 }),
    getRole: (role: string) => ask(name, { rolesInfo: role })["roles"][0] ?? null,
    createRole: ({ role, ...rest }: Document) => ask(name, { createRole: role, ...rest }),
    updateRole: (role: string, rest: Document) => ask(name, { updateRole: role, ...rest }),
    getUser: (user: string) => ask(name, { usersInfo: user })["users"][0] ?? null,
    createUser: ({ user, ...rest }: Document) => ask(name, { createUser: user, ...rest }),
    updateUser: (user: string, rest: Document) => ask(name, { updateUser: user, ...rest }),
  });
  const rs = { initiate: (config: Document) => ask("admin", { replSetInitiate: config }) };
  const sleep = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const shell = { db: database(new URL(url).pathname.slice(1)), rs, sleep, process: { env } };
  try {
    for (const path of scripts) runInNewContext(readFileSync(path, "utf8"), shell);
  } finally {
    void worker.terminate();
    port.close();
  }
}

/** The other side, in a thread of its own. */
async function answer({ url, db, command }: Question): Promise<Answer> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: WAIT_LIMIT_MS / 2 });
  try {
    return { reply: JSON.parse(JSON.stringify(await client.db(db).command(command))) as Document };
  } catch (error) {
    const codeName = error instanceof MongoServerError ? (error.codeName ?? "") : "";
    return { error: { message: String(error), codeName } };
  } finally {
    await client.close();
  }
}

const { port, signal } = (workerData ?? {}) as { port?: MessagePort; signal?: Int32Array };
port?.on("message", async (question: Question) => {
  port.postMessage(await answer(question));
  Atomics.store(signal!, 0, 1);
  Atomics.notify(signal!, 0);
});
