import { fileURLToPath } from "node:url";
import { startProcess } from "@madang/local-stack";
import { eventually, freshDatabase, lookInside, mongod, nats, openPublisher, type Scope } from "./support.ts";

export const TOKEN = "a token of the moderators";
const entry = (service: string) => fileURLToPath(new URL(`../../${service}/src/main.ts`, import.meta.url));

/** Starts NATS, MongoDB and persistence with its admin page. */
export async function adminSystem(t: Scope, env: NodeJS.ProcessEnv = {}) {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const mongoUrl = freshDatabase(db);
  const all = { NATS_URL: log.url, MONGODB_URL: mongoUrl, ADMIN_TOKEN: TOKEN, ...env };
  const start = async (name: string, more: NodeJS.ProcessEnv = {}) => {
    const child = await startProcess({ name, entry: entry(name), env: { ...all, ...more } });
    t.teardown(() => child.stop());
    return child;
  };
  const persistence = await start("persistence");
  return {
    start,
    nats: log,
    mongod: db,
    persistence,
    env: all,
    publisher: await openPublisher(t, log.url),
    inside: lookInside(t, mongoUrl),
  };
}

/** A moderator's browser: keeps one cookie and follows no redirects. */
export class Clicker {
  readonly base: string;
  cookie = "";

  constructor(base: string) {
    this.base = base;
  }

  get(path: string): Promise<Response> {
    return fetch(this.base + path, { headers: { cookie: this.cookie }, redirect: "manual" });
  }

  async page(path: string): Promise<string> {
    const response = await this.get(path);
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.text();
  }

  post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams(fields);
    return fetch(this.base + path, {
      method: "POST",
      body,
      headers: { cookie: this.cookie, ...headers },
      redirect: "manual",
    });
  }

  async login(token = TOKEN): Promise<Response> {
    const response = await this.post("/admin/login", { token });
    this.cookie = (response.headers.get("set-cookie") ?? "").split(";")[0]!;
    return response;
  }

  /** Sends a form with the session's CSRF token. @throws unless the answer is a redirect */
  async submit(path: string, fields: Record<string, string>): Promise<string> {
    const csrf = /name="csrf" value="([^"]+)"/.exec(await this.page("/admin/people"))![1]!;
    const response = await this.post(path, { csrf, ...fields });
    if (response.status !== 303) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.headers.get("location")!;
  }
}

export { eventually };
