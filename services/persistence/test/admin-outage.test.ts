import { fileURLToPath } from "node:url";
import { startProcess } from "@madang/local-stack";
import t from "tap";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";

const ENTRY = fileURLToPath(new URL("../src/main.ts", import.meta.url));

t.test("while MongoDB is stopped every page fails within seconds, and works again afterwards", async (t) => {
  const { persistence, mongod } = await adminSystem(t);
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
  const pages = ["", "rooms", "messages", "dead-letters", "audit"].map((page) => `/admin/${page}`);

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
  for (const answer of answers) t.match(await answer.text(), "The request failed: NATS or MongoDB is unreachable");
  t.ok(Date.now() - begun < 20_000, `in ${Date.now() - begun} ms`);
  await mongod.kill("SIGCONT");
  await eventually("it works again", async () => (await clicker.get("/admin/rooms")).status === 200);
});

t.test("no export is given before the rules are read", async (t) => {
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
  t.strictSame(acts, ["ban failed"], "the audit log shows the failed act");
  await nats.restart();
  await eventually("it is given", async () => (await ask()) === 200);
});
