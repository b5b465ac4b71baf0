import { randomUUID } from "node:crypto";
import t from "tap";
import { openMongoAdminStore } from "../src/mongo/admin-store.ts";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";

t.test("only acts that a kill interrupted are marked as interrupted", async (t) => {
  const { start, persistence, inside, env, nats } = await adminSystem(t);
  const audit = inside.db.collection<{ _id: string; act: string; state: string }>("audit");
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  await clicker.submit("/admin/people", { act: "ban", user: "done before" });

  // While NATS is stopped, an act begins but does not end.
  await nats.kill("SIGSTOP");
  const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
  const cut = clicker.post("/admin/people", { csrf, act: "ban", user: "mallory" }).catch(() => "cut");
  await eventually("the act has begun", async () => (await audit.countDocuments({ state: "begun" })) === 1);
  await persistence.kill("SIGKILL");
  await nats.kill("SIGCONT");
  t.equal(await cut, "cut");

  // Make the entries look three minutes, and half a minute, old.
  const begun = (await audit.findOne({ state: "begun" }))!;
  const ago = (ms: number) => `${new Date(Date.now() - ms).toISOString()} ${randomUUID()}`;
  await audit.deleteOne({ _id: begun._id });
  await audit.insertOne({ ...begun, _id: ago(180_000) });
  await audit.insertOne({ ...begun, _id: ago(30_000), act: "in progress" });
  const again = await start("persistence");
  await eventually("it is marked", async () => (await audit.countDocuments({ state: "interrupted" })) === 1);
  const states = async () => (await inside.dump("audit")).map(({ act, state }) => `${act} ${state}`).sort();
  t.same(await states(), ["ban done", "ban interrupted", "in progress begun"]);
  const later = new Clicker(again.url);
  await later.login();
  t.match(await later.page("/admin/audit"), "interrupted");

  const store = openMongoAdminStore(env.MONGODB_URL);
  t.teardown(() => store.close());
  const slow = (await audit.findOne({ act: "in progress" }))!;
  await store.audit.markInterrupted("", new Date().toISOString());
  await store.audit.finish(slow._id, "done");
  t.same(
    await states(),
    ["ban done", "ban interrupted", "in progress done"],
    "an act that ends after being marked is done",
  );
});
