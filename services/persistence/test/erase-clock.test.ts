import t from "tap";
import { openMongoAdmin } from "../src/mongo/admin.ts";
import { freshDatabase, lookInside, mongod } from "./support.ts";

const HOLD_MS = 15_000;
const HOUR_MS = 3600_000;

t.test("who holds an erasure is judged by MongoDB's clock, whatever those of the instances say", async (t) => {
  const url = freshDatabase(await mongod(t));
  const store = openMongoAdmin(url);
  t.teardown(() => store.close());
  const { db } = lookInside(t, url);
  const jobs = db.collection<{ _id: string; holder: string; heldUntil: number }>("jobs");
  const id = await store.addJob({ kind: "person", person: { user: "민수" } }, new Date().toISOString());
  const real = Date.now;
  const ahead = (ms: number) => t.intercept(Date, "now", { value: () => real() + ms });

  ahead(HOUR_MS);
  t.equal((await store.takeJob("fast", HOLD_MS))?.id, id);
  ahead(0);
  t.equal(await store.takeJob("other", HOLD_MS), undefined, "it is held");
  ahead(2 * HOUR_MS);
  t.equal(await store.takeJob("other", HOLD_MS), undefined, "a fast clock takes nothing away");
  ahead(0);
  t.ok(Math.abs((await jobs.findOne())!.heldUntil - real() - HOLD_MS) < 60_000, "no longer than a hold lasts");

  await jobs.updateOne({}, { $set: { heldUntil: real() - 1000 } });
  t.equal((await store.takeJob("other", HOLD_MS))?.id, id, "it has run out");
  const job = { id, subject: { kind: "person", person: { user: "민수" } }, erasedTo: 3, historyDone: true } as const;
  t.notOk(await store.saveJob(job, "fast", HOLD_MS), "it is another's");
  t.ok(await store.saveJob({ ...job, upTo: { epoch: "0a", seq: 9 } }, "other", HOLD_MS));
  t.match(await jobs.findOne(), { erasedTo: 3, historyDone: true, upTo: { epoch: "0a", seq: 9 } });

  await jobs.updateOne({}, { $set: { heldUntil: real() + HOUR_MS } });
  t.equal((await store.takeJob("third", HOLD_MS))?.id, id, "held by a clock that was set back since, by one that died");
});
