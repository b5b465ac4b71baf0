import { HistoryMessage, Room } from "@madang/protocol";
import t from "tap";
import { Check } from "typebox/value";
import { openMongoStore } from "../src/mongo/store.ts";
import { Changes } from "../src/store/changes.ts";
import { storeContract } from "./store-contract.ts";
import { eventually, freshDatabase, lookInside, mongod, openStore } from "./support.ts";

t.test("MongoDB", async (t) => {
  const server = await mongod(t);

  t.test("contract", async (t) => storeContract(t as never, (t) => openStore(t, freshDatabase(server))));

  t.test("results match the API's schemas", async (t) => {
    const store = await openStore(t, freshDatabase(server));
    const changes = new Changes();
    const position = { epoch: "0a", seq: 1 };
    changes.messages.push({
      room: "a",
      position,
      user: "u",
      userId: "id",
      message: "m",
      at: "t",
      nonce: "n",
      replyTo: 1,
    });
    changes.edits.push({ room: "a", target: position, seq: 2, message: "m2", at: "t2" });
    changes.room("a", "t", position);
    await store.write(changes);
    for (const message of await store.messages("a", {}, "oldest first", 9)) t.ok(Check(HistoryMessage, message));
    t.ok(Check(Room, await store.room("a")));
  });

  t.test("reads the fields that earlier versions stored", async (t) => {
    const url = freshDatabase(server);
    const store = await openStore(t, url);
    const { db } = lookInside(t, url);
    const place = "0a\u001f0000000000000009";
    const state = db.collection<{ _id: string }>("state");
    await state.insertMany([
      { _id: "floor", place },
      { _id: "mark", mark: { place, fingerprint: "f" } },
    ] as never);
    const room = { _id: "a", createdAt: "2026", topic: { place, value: "new" }, status: { place, value: 1 } };
    await db.collection<{ _id: string }>("rooms").insertOne(room);
    const nine = { epoch: "0a", seq: 9 };
    t.strictSame(await store.loadFloor(), nine);
    t.strictSame(await store.loadMark(), { position: nine, fingerprint: "f" });
    const eight = { epoch: "0a", seq: 8 };
    await store.saveFloor(eight);
    await store.saveMark({ position: eight, fingerprint: "g" });
    const changes = new Changes();
    changes.room("a", "2026", eight).topic = { position: eight, value: "old" };
    await store.write(changes);
    t.strictSame(await store.loadFloor(), nine, "a lower floor changes nothing");
    t.strictSame(await store.loadMark(), { position: nine, fingerprint: "f" }, "a lower mark changes nothing");
    t.match(await store.room("a"), { topic: "new", status: 1 }, "an older topic changes nothing");
  });

  t.test("a dead letter is stored once, with its bytes", async (t) => {
    const url = freshDatabase(server);
    const store = await openStore(t, url);
    const letter = { position: { epoch: "0a", seq: 3 }, subject: "s", data: Uint8Array.of(0, 255), reason: "why" };
    await store.keepDeadLetters([letter]);
    await store.keepDeadLetters([letter, letter]);
    const [kept, ...more] = await lookInside(t, url).dump("dead_letters");
    t.match(kept, { epoch: "0a", seq: 3, subject: "s", reason: "why" });
    t.strictSame([...kept!["data"].buffer], [0, 255]);
    t.equal(more.length, 0);
  });

  t.test("a page of history reads one range of the primary index", async (t) => {
    const url = freshDatabase(server);
    const store = await openStore(t, url);
    const changes = new Changes();
    for (let seq = 1; seq <= 2000; seq++) {
      const room = seq % 2 ? "a" : "a b";
      changes.messages.push({ room, position: { epoch: "0a", seq }, user: "u", message: "m", at: "t" });
    }
    await store.write(changes);
    const { db } = lookInside(t, url);
    await db.command({ profile: 2 });
    await store.messages("a", { upTo: { epoch: "0a", seq: 1900 } }, "newest first", 51);
    await db.command({ profile: 0 });
    const reads = await db
      .collection("system.profile")
      .find({ op: "query", ns: /messages$/ })
      .toArray();
    t.equal(reads.length, 1);
    t.match(reads[0], { keysExamined: 51, docsExamined: 51, nreturned: 51, planSummary: /IXSCAN { _id: 1 }/ });
    t.notOk(reads[0]?.["hasSortStage"]);
  });

  t.test("a known room is not written again, and its last message is one step in the primary index", async (t) => {
    const url = freshDatabase(server);
    const store = await openStore(t, url);
    const say = (seq: number) => {
      const changes = new Changes();
      const at = `2026-01-01T00:00:00.${seq}Z`;
      const position = { epoch: "0a", seq };
      changes.messages.push({ room: "a", position, user: "u", message: "m", at });
      changes.room("a", at, position);
      return store.write(changes);
    };
    for (let seq = 1; seq <= 20; seq++) await say(seq);
    const { db } = lookInside(t, url);
    await db.command({ profile: 2 });
    await say(21);
    t.match(await store.room("a"), { lastPosition: "0a.21" });
    await db.command({ profile: 0 });
    const profile = (filter: object) => db.collection("system.profile").find(filter).toArray();
    t.equal((await profile({ op: "update" })).length, 0);
    const [read] = await profile({ op: "command", "command.aggregate": "rooms" });
    t.match(read, { keysExamined: 2, docsExamined: 2 }, "the room and its message");
  });

  t.test("a write fails if MongoDB did not confirm any part of it", async (t) => {
    const stopped = await mongod(t);
    const store = await openStore(t, freshDatabase(stopped));
    const position = { epoch: "0a", seq: 1 };
    const parts: ((changes: Changes) => void)[] = [
      (changes) => changes.messages.push({ room: "a", position, user: "u", message: "m", at: "t", nonce: "n" }),
      (changes) => changes.edits.push({ room: "a", target: position, seq: 2, message: "m2", at: "t2" }),
      (changes) => changes.deletes.push({ room: "a", target: position, seq: 3, at: "t2" }),
      (changes) => changes.room("a", "t", position),
      (changes) => changes.deadLetters.push({ position, subject: "s", data: new Uint8Array(), reason: "why" }),
    ];
    const write = (fill: (changes: Changes) => void) => {
      const changes = new Changes();
      fill(changes);
      return store.write(changes);
    };
    await stopped.kill("SIGSTOP");
    await Promise.all(parts.map((part) => t.rejects(write(part), { message: /timed out/ })));
    await stopped.kill("SIGCONT");
    await eventually("ready again", () => store.ready);
    for (const part of parts) await t.resolves(write(part));
  });

  t.test("a message that MongoDB can never accept is refused, and the rest of its batch is stored", async (t) => {
    const url = freshDatabase(server);
    const store = await openStore(t, url);
    // A validator that an operator added is one cause.
    await lookInside(t, url).db.command({ collMod: "messages", validator: { message: { $ne: "bad" } } });
    const changes = new Changes();
    for (const [index, message] of ["good", "bad", "good, too"].entries()) {
      changes.messages.push({ room: "a", position: { epoch: "0a", seq: index + 1 }, user: "u", message, at: "t" });
    }
    for (let i = 0; i < 2; i++) {
      t.match(await store.write(changes), [{ position: { seq: 2 }, reason: "MongoDB refused it with error code 121" }]);
    }
    t.strictSame(
      (await store.messages("a", {}, "oldest first", 9)).map(({ message }) => message),
      ["good", "good, too"],
    );
  });

  t.test("refused are also messages that meet their stub or a later use of their nonce, and edits", async (t) => {
    const url = freshDatabase(server);
    const store = await openStore(t, url);
    const rule = { message: { $ne: "bad" }, "edit.message": { $ne: "bad" } };
    await lookInside(t, url).db.command({ collMod: "messages", validator: rule });
    const position = (seq: number) => ({ epoch: "0a", seq });
    const said = { room: "a", user: "u", at: "t" };
    const before = new Changes();
    before.messages.push({ ...said, position: position(2), message: "again", nonce: "n" });
    before.deletes.push({ room: "a", target: position(3), seq: 4, at: "t" });
    await store.write(before);
    const changes = new Changes();
    changes.messages.push({ ...said, position: position(1), message: "bad", nonce: "n" });
    changes.messages.push({ ...said, position: position(3), message: "bad" });
    changes.messages.push({ ...said, position: position(5), message: "good" });
    changes.edits.push({ room: "a", target: position(5), seq: 6, message: "better", at: "t" });
    changes.edits.push({ room: "a", target: position(5), seq: 7, message: "bad", at: "t" });
    for (let i = 0; i < 2; i++) {
      const refusals = await store.write(changes);
      t.strictSame(
        refusals.map(({ position: { seq }, reason }) => [seq, reason]),
        [1, 3, 7].map((seq) => [seq, "MongoDB refused it with error code 121"]),
      );
    }
    t.match(await store.messages("a", { from: position(5) }, "oldest first", 9), [{ message: "better" }]);
  });

  t.test("refused are also settings of a room, or the room itself; its messages are stored", async (t) => {
    const url = freshDatabase(server);
    const store = await openStore(t, url);
    const rule = { _id: { $ne: "bad" }, "topic.value": { $ne: "bad" } };
    const { db } = lookInside(t, url);
    await db.createCollection("rooms", { validator: rule });
    const position = (seq: number) => ({ epoch: "0a", seq });
    const changes = new Changes();
    for (const [index, room] of ["a", "bad", "a"].entries()) {
      changes.messages.push({ room, position: position(index + 1), user: "u", message: "m", at: "t" });
      changes.room(room, "t", position(index + 1));
    }
    const set = changes.room("a", "t", position(5));
    set.topic = { position: position(4), value: "bad" };
    set.status = { position: position(5), value: 1 };
    changes.room("good", "t", position(6)).topic = { position: position(6), value: "good" };
    for (let i = 0; i < 2; i++) {
      const refusals = await store.write(changes);
      t.strictSame(
        refusals.map(({ position: { seq }, reason }) => [seq, reason]).sort(),
        [2, 4].map((seq) => [seq, "for its room: MongoDB refused it with error code 121"]),
      );
    }
    t.match(await store.room("a"), { topic: "", status: 1, lastPosition: "0a.3" });
    t.match(await store.room("good"), { topic: "good" });
    t.equal(await store.room("bad"), undefined);
    t.match(await store.messages("bad", {}, "oldest first", 9), [{ message: "m" }]);
    await db.command({ collMod: "rooms", validator: {} });
    t.strictSame(await store.write(changes), [], "a retry succeeds without the validator");
    t.match(await store.room("a"), { topic: "bad", status: 1 });
    t.ok(await store.room("bad"));
  });

  t.test("the store opens once MongoDB is there, after any number of failures", async (t) => {
    const late = await mongod(t);
    await late.kill("SIGKILL");
    const store = openMongoStore(freshDatabase(late));
    t.teardown(() => store.close());
    await Promise.all([t.rejects(store.open()), t.rejects(store.loadFloor())]);
    await t.rejects(store.open());
    await late.restart();
    await t.resolves(store.open());
    t.equal(await store.loadFloor(), undefined);
  });

  t.test("an unreachable store fails within seconds, without repeating user input", async (t) => {
    const store = openMongoStore("mongodb://127.0.0.1:9/madang");
    t.teardown(() => store.close());
    const before = Date.now();
    await t.rejects(store.messages("secret room", {}, "oldest first", 1), { code: "history_unavailable" });
    await t.rejects(store.open());
    t.ok(Date.now() - before < 10_000);
    t.equal(store.ready, false);
    t.throws(() => openMongoStore("mongodb://user:hunter2@/x"), { name: "ConfigError", message: /^[^2]*$/ });
  });
});
