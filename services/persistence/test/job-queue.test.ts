import t from "tap";
import { openMongoAdminStore } from "../src/mongo/admin-store.ts";
import { freshDatabase, lookInside, mongod } from "./support.ts";

const LEASE_MS = 15_000;
const HOUR_MS = 3600_000;

t.test("leases of erasures follow MongoDB's clock, not the clocks of the instances", async (t) => {
  const url = freshDatabase(await mongod(t));
  const store = openMongoAdminStore(url);
  t.teardown(() => store.close());
  const { db } = lookInside(t, url);
  const jobs = db.collection<{ _id: string; holder: string; heldUntil: number }>("jobs");
  const id = await store.jobs.add({ kind: "person", person: { user: "민수" } }, new Date().toISOString());
  const real = Date.now;
  const ahead = (ms: number) => t.intercept(Date, "now", { value: () => real() + ms });

  ahead(HOUR_MS);
  t.equal((await store.jobs.take("fast", LEASE_MS))?.id, id);
  ahead(0);
  t.equal(await store.jobs.take("other", LEASE_MS), undefined, "it is leased");
  ahead(2 * HOUR_MS);
  t.equal(await store.jobs.take("other", LEASE_MS), undefined, "a fast clock does not end a lease");
  ahead(0);
  t.ok(Math.abs((await jobs.findOne())!.heldUntil - real() - LEASE_MS) < 60_000, "a lease has its normal length");

  await jobs.updateOne({}, { $set: { heldUntil: real() - 1000 } });
  t.equal((await store.jobs.take("other", LEASE_MS))?.id, id, "the lease has ended");
  const job = { id, subject: { kind: "person", person: { user: "민수" } }, erasedTo: 3, historyDone: true } as const;
  t.notOk(await store.jobs.save(job, "fast", LEASE_MS), "another instance has the lease");
  t.ok(await store.jobs.save({ ...job, upTo: { epoch: "0a", seq: 9 } }, "other", LEASE_MS));
  t.match(await jobs.findOne(), { erasedTo: 3, historyDone: true, upTo: { epoch: "0a", seq: 9 } });

  await jobs.updateOne({}, { $set: { heldUntil: real() + HOUR_MS } });
  t.equal(
    (await store.jobs.take("third", LEASE_MS))?.id,
    id,
    "a lease from before the clock was set back counts as ended",
  );
});
