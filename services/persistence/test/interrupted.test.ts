import { randomUUID } from "node:crypto";
import t from "tap";
import { openMongoAdmin } from "../src/mongo/admin.ts";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";

t.test("acts that a kill cut off are interrupted, and only those", async (t) => {
  const { start, persistence, inside, env, nats } = await adminSystem(t);
  const audit = inside.db.collection<{ _id: string; act: string; state: string }>("audit");
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  await clicker.submit("/admin/people", { act: "ban", user: "done before" });

  // With NATS standing still an act gets no further than its begin.
  await nats.kill("SIGSTOP");
  const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
  const cut = clicker.post("/admin/people", { csrf, act: "ban", user: "mallory" }).catch(() => "cut");
  await eventually("the act has begun", async () => (await audit.countDocuments({ state: "begun" })) === 1);
  await persistence.kill("SIGKILL");
  await nats.kill("SIGCONT");
  t.equal(await cut, "cut");

  // Three minutes go by.
  const begun = (await audit.findOne({ state: "begun" }))!;
  const ago = (ms: number) => `${new Date(Date.now() - ms).toISOString()} ${randomUUID()}`;
  await audit.deleteOne({ _id: begun._id });
  await audit.insertOne({ ...begun, _id: ago(180_000) });
  await audit.insertOne({ ...begun, _id: ago(30_000), act: "still going on" });
  const again = await start("persistence");
  await eventually("it is marked", async () => (await audit.countDocuments({ state: "interrupted" })) === 1);
  const states = async () => (await inside.dump("audit")).map(({ act, state }) => `${act} ${state}`).sort();
  t.same(await states(), ["ban done", "ban interrupted", "still going on begun"]);
  const later = new Clicker(again.url);
  await later.login();
  t.match(await later.page("/admin/audit"), "interrupted");

  const store = openMongoAdmin(env.MONGODB_URL);
  t.teardown(() => store.close());
  const slow = (await audit.findOne({ act: "still going on" }))!;
  await store.interrupt("", new Date().toISOString());
  await store.finish(slow._id, "done");
  t.same(await states(), ["ban done", "ban interrupted", "still going on done"], "what ends after all has ended");
});
