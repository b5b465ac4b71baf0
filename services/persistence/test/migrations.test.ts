import t from "tap";
import { type Migration, migrate } from "../src/mongo/migrations.ts";
import { addContentToSendKeys } from "../src/mongo/send-keys.ts";
import { Changes } from "../src/store/changes.ts";
import { eventually, freshDatabase, lookInside, mongod, openStore } from "./support.ts";

t.test("migrations run once, in order, one instance at a time", async (t) => {
  const server = await mongod(t);
  const url = freshDatabase(server);
  const instances = Array.from({ length: 4 }, () => lookInside(t, url).db);
  const ran: number[] = [];
  let running = 0;
  const step = (version: number, fail = () => false): Migration => ({
    version,
    what: `step ${version}`,
    up: async (db) => {
      t.equal(++running, 1, "alone");
      await db.command({ ping: 1 });
      running--;
      if (fail()) throw new Error("broken");
      ran.push(version);
    },
  });
  let broken = true;
  const steps = [step(1), step(2, () => broken), step(3)];
  await t.rejects(migrate(instances[0]!, "0", steps), { message: "broken" });
  t.strictSame(ran, [1]);
  broken = false;
  await Promise.all(
    instances.map((db, i) =>
      eventually("migrated", () =>
        migrate(db, `${i}`, steps).then(
          () => true,
          () => false,
        ),
      ),
    ),
  );
  t.strictSame(ran, [1, 2, 3], "the failure released the lock, and no step ran twice");
  await migrate(instances[0]!, "0", steps);
  t.strictSame(ran, [1, 2, 3]);
  await t.rejects(migrate(instances[0]!, "0", [step(1)]), { message: /the data has version 3/ }, "an older program");
});

t.test("the lock of an instance that died expires", async (t) => {
  const { db } = lookInside(t, freshDatabase(await mongod(t)));
  const state = db.collection<{ _id: string; holder?: string; until?: Date }>("state");
  await state.insertOne({ _id: "migration", holder: "dead", until: new Date(Date.now() + 60_000) });
  await t.rejects(migrate(db, "me"), { message: /another instance/ });
  await t.resolves(migrate(db, "dead"), "its own lock does not block it");
  await db.dropDatabase();
  await state.insertOne({ _id: "migration", holder: "dead", until: new Date(Date.now() + 3600_000) });
  await t.resolves(migrate(db, "me"), "a lock from before the clock was set back does not count");
  await db.dropDatabase();
  await state.insertOne({ _id: "migration", holder: "dead", until: new Date(Date.now() - 1) });
  await migrate(db, "me");
  const indexes = await db.collection("messages").indexes();
  t.match(
    indexes.find(({ name }) => name === "nonce"),
    { unique: true },
  );
});

t.test("migration 2 removes the last message from rooms", async (t) => {
  const { db } = lookInside(t, freshDatabase(await mongod(t)));
  const rooms = db.collection<{ _id: string; createdAt: string; last?: object }>("rooms");
  await rooms.insertOne({ _id: "a", createdAt: "2026", last: { place: "p", at: "2026" } });
  await migrate(db, "me");
  t.strictSame(await rooms.findOne(), { _id: "a", createdAt: "2026" });
});

t.test(
  "the content is added to the key of a send while the store runs: old messages recognise a repeat, and another text",
  async (t) => {
    const url = freshDatabase(await mongod(t));
    const { db } = lookInside(t, url);
    const messages = db.collection<{ _id: string; who?: string }>("messages");
    const position = (seq: number) => ({ epoch: "0a", seq });
    const sent = { room: "a", user: "ann", at: "t", nonce: "n" };
    const said = (seq: number, message: string, rest: object = {}) => {
      const changes = new Changes();
      changes.messages.push({ ...sent, position: position(seq), message, ...rest });
      return changes;
    };
    const store = await openStore(t, url);
    await store.write(said(2, "one"));
    await store.write(said(3, "other", { nonce: "m", replyTo: 2 }));
    await store.write(said(4, "without", { nonce: undefined }));
    const expected = await messages.find().sort({ _id: 1 }).toArray();
    // As an older version stored it.
    const state = db.collection<{ _id: string }>("state");
    await eventually(
      "the new store is done",
      async () => (await state.deleteOne({ _id: "send keys" })).deletedCount === 1,
    );
    await messages.updateMany({ who: { $exists: true } }, { $set: { who: "name:ann" } });
    const migrated = await openStore(t, url);
    await eventually("the keys are migrated", async () => (await state.findOne({ _id: "send keys" })) !== null);
    t.strictSame(await messages.find().sort({ _id: 1 }).toArray(), expected);
    await migrated.write(said(7, "one"));
    await migrated.write(said(8, "other", { nonce: "m", replyTo: 2 }));
    await migrated.write(said(9, "two"));
    t.match(await migrated.messages("a", {}, "oldest first", 9), [{ seq: 2 }, { seq: 3 }, { seq: 4 }, { seq: 9 }]);
  },
);

t.test("of a message with an old key and its repeat, the lower position is kept", async (t) => {
  const url = freshDatabase(await mongod(t));
  const { db } = lookInside(t, url);
  const messages = db.collection<{ _id: string; who?: string }>("messages");
  const store = await openStore(t, url);
  const sent = { room: "a", user: "ann", at: "t", message: "one" };
  const changes = new Changes();
  for (const [seq, nonce] of ["m", "n", "n", "m"].entries()) {
    changes.messages.push({ ...sent, position: { epoch: "0a", seq: seq + 1 }, nonce: nonce + seq });
  }
  await store.write(changes);
  const ids = (await messages.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
  await messages.updateOne({ _id: ids[0]! }, { $set: { who: "name:ann", nonce: "n" } });
  await messages.updateOne({ _id: ids[1]! }, { $set: { nonce: "n" } });
  await messages.updateOne({ _id: ids[2]! }, { $set: { nonce: "m" } });
  await messages.updateOne({ _id: ids[3]! }, { $set: { who: "name:ann", nonce: "m" } });
  await addContentToSendKeys(db);
  t.strictSame(
    (await messages.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id),
    [ids[0], ids[2]],
  );
});

t.test("a missing nonce index is created again at the start, and repeated sends are dropped first", async (t) => {
  const url = freshDatabase(await mongod(t));
  const { db } = lookInside(t, url);
  const messages = db.collection<{ _id: string; deleted?: object }>("messages");
  await openStore(t, url);
  await messages.dropIndex("nonce");
  await openStore(t, url);
  t.match(await messages.indexes(), [{}, { name: "nonce", unique: true }]);

  await messages.dropIndex("nonce");
  const said = (_id: string, rest: object = {}) => ({ _id, room: "a", who: "민수", nonce: "n", at: "t", ...rest });
  const deleted = { seq: 9, at: "t" };
  await messages.insertMany([
    said("a 3"),
    said("a 1"),
    said("a 2", { deleted }),
    said("a 4", { nonce: "other" }),
    said("a 5", { who: "지수" }),
    said("b 1", { room: "b" }),
  ]);
  await openStore(t, url);
  t.match(await messages.indexes(), [{}, { name: "nonce", unique: true }]);
  t.strictSame(
    (await messages.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id),
    ["a 1", "a 2", "a 4", "a 5", "b 1"],
    "the first message is kept, as with the index",
  );
  t.strictSame(await messages.findOne({ _id: "a 2" }), { _id: "a 2", room: "a", deleted }, "a stub");
});
