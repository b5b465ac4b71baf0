import { fileURLToPath } from "node:url";
import { startProcess } from "@madang/local-stack";
import t from "tap";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";

const ENTRY = fileURLToPath(new URL("../src/main.ts", import.meta.url));

t.test("with MongoDB standing still every page says so in seconds, and works again afterwards", async (t) => {
  const { persistence, mongod } = await adminSystem(t);
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
  const pages = ["", "rooms", "messages", "letters", "audit"].map((page) => `/admin/${page}`);

  await mongod.kill("SIGSTOP");
  const begun = Date.now();
  const answers = await Promise.all([
    ...pages.map((page) => clicker.get(page)),
    clicker.post("/admin/people", { csrf, act: "ban", user: "mallory" }),
    clicker.post("/admin/people/export", { csrf, user: "mallory" }),
  ]);
  t.strictSame(
    answers.map(({ status }) => status),
    answers.map(() => 503),
  );
  for (const answer of answers) t.match(await answer.text(), "It failed: NATS or MongoDB cannot be reached");
  t.ok(Date.now() - begun < 20_000, `in ${Date.now() - begun} ms`);
  await mongod.kill("SIGCONT");
  await eventually("it works again", async () => (await clicker.get("/admin/rooms")).status === 200);
});

t.test("as long as the rules have not been read, nobody gets an export without them", async (t) => {
  const { nats, env, inside } = await adminSystem(t);
  await nats.kill("SIGKILL");
  const fresh = await startProcess({ name: "persistence", entry: ENTRY, env, readyPath: "/livez" });
  t.teardown(() => fresh.stop());
  const clicker = new Clicker(fresh.url);
  await clicker.login();
  const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
  const ask = async () => (await clicker.post("/admin/people/export", { csrf, user: "mallory" })).status;
  t.equal(await ask(), 503);
  t.equal((await clicker.post("/admin/people", { csrf, act: "ban", user: "mallory" })).status, 503);
  const acts = (await inside.dump("audit")).map(({ act, state }) => `${act} ${state}`);
  t.strictSame(acts, ["ban failed"], "what was tried in vain is in the audit log as that");
  await nats.restart();
  await eventually("it is given", async () => (await ask()) === 200);
});
