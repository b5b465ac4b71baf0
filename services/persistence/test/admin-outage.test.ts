import t from "tap";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";

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
