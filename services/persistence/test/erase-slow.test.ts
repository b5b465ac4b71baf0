import { DEFAULT_LOG_SETTINGS, type LogAdmin, openLogAdmin } from "@madang/broker";
import type { LogEvent } from "@madang/protocol";
import t, { type Test } from "tap";
import { Eraser } from "../src/moderation/eraser.ts";
import { Moderator } from "../src/moderation/moderator.ts";
import { openMongoAdmin } from "../src/mongo/admin.ts";
import { createProjector } from "../src/projection/projector.ts";
import type { AdminStore } from "../src/store/admin-store.ts";
import { messageKey } from "../src/store/position.ts";
import { eventually, freshDatabase, lookInside, message, mongod, nats, openStore, record, silent } from "./support.ts";

/** A store or a log admin, with some of its methods done in another way. */
function instead<T extends object>(of: T, some: Partial<T>): T {
  return new Proxy(of, {
    get: (of, name) => {
      const method = Reflect.get(name in some ? some : of, name);
      return typeof method === "function" ? method.bind(of) : method;
    },
  });
}

async function open(t: Test) {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const logAdmin = openLogAdmin({ url: log.url, name: "test" }, DEFAULT_LOG_SETTINGS, () => {});
  const store = openMongoAdmin(url);
  t.teardown(() => Promise.all([logAdmin.close(), store.close()]));
  await logAdmin.opened;
  return { url, logAdmin, store };
}

t.test("an erasure whose step takes long stays with whoever does it", async (t) => {
  const { url, logAdmin, store } = await open(t);

  let begun = 0;
  let goOn = () => {};
  const slow: Pick<AdminStore, "erasePerson"> = {
    erasePerson: async (person, at) => {
      begun++;
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      await store.erasePerson(person, at);
    },
  };
  const waiting = instead(store, slow);
  const floor = { now: async () => logAdmin.log().then(({ epoch, lastSeq }) => ({ epoch, seq: lastSeq })) };
  const erasers = [1, 2].map(() => new Eraser({ logAdmin, store: waiting, floor, onFailure: () => {} }));
  t.teardown(() => Promise.all(erasers.map((eraser) => eraser.close())));

  await store.addJob({ kind: "person", person: { user: "민수" } }, new Date().toISOString());
  await eventually("it has begun", () => begun === 1);
  const { dump } = lookInside(t, url);
  const heldUntil = async (): Promise<number> => (await dump("jobs"))[0]!["heldUntil"];
  const first = await heldUntil();
  await eventually("the other one has had its chance", () => Date.now() > first + 1000);
  t.ok((await heldUntil()) > first);
  t.equal(begun, 1, "the other one keeps off");
  goOn();
  await eventually("it is done", async () => (await dump("jobs"))[0]!["done"] === true);
  t.equal(begun, 1);
});

t.test("an erasure that fails again and again holds up no other one", async (t) => {
  const { logAdmin, store } = await open(t);
  const failing: Pick<AdminStore, "erasePerson"> = {
    erasePerson: async (person, at) => {
      if (person.user === "민수") throw new Error("broken");
      await store.erasePerson(person, at);
    },
  };
  const floor = { now: async () => logAdmin.log().then(({ epoch, lastSeq }) => ({ epoch, seq: lastSeq })) };
  const at = (second: number) => new Date(second * 1000).toISOString();
  const first = await store.addJob({ kind: "person", person: { user: "민수" } }, at(1));
  const second = await store.addJob({ kind: "person", person: { user: "지우개" } }, at(2));
  const troubles: string[] = [];
  const onFailure = (_: string, error: Error) => troubles.push(error.message);
  const eraser = new Eraser({ logAdmin, store: instead(store, failing), floor, onFailure });
  t.teardown(() => eraser.close());
  await eventually("the other one is done", async () => (await store.job(second))?.done === true);
  const before = troubles.length;
  await eventually("the first is tried again", () => troubles.length > before);
  t.equal((await store.job(first))?.done, false);
});

t.test("nothing is erased before all of it is in the store, nor by who has lost the job", async (t) => {
  const { url, logAdmin, store } = await open(t);
  const { seq } = await logAdmin.publish(message("a", "a secret", { user: "지우개" }), "1");

  let reached = 0;
  let asked = 0;
  let begun = 0;
  let looked = 0;
  let goOn = () => {};
  const watched: Pick<AdminStore, "erasePerson" | "takeJob"> = {
    erasePerson: async () => {
      begun++;
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
    },
    takeJob: (...args) => {
      looked++;
      return store.takeJob(...args);
    },
  };
  const floor = {
    now: async () => {
      asked++;
      return { epoch: (await logAdmin.log()).epoch, seq: reached };
    },
  };
  const eraser = new Eraser({ logAdmin, store: instead(store, watched), floor, onFailure: () => {} });
  t.teardown(() => eraser.close());
  const id = await store.addJob({ kind: "person", person: { user: "지우개" } }, new Date().toISOString());

  await eventually("it waits", () => asked > 3 || begun > 0);
  t.equal(begun, 0, "what is not in the store yet would come back");
  t.ok(await logAdmin.at(seq));
  reached = seq;
  await eventually("it has begun", () => begun === 1);

  const jobs = lookInside(t, url).db.collection("jobs");
  await jobs.updateOne({}, { $set: { holder: "somebody else", heldUntil: Date.now() + 3600_000 } });
  const before = looked;
  goOn();
  await eventually("it looks for another job", () => looked > before);
  t.equal((await store.job(id))?.done, false);
  t.ok(await logAdmin.at(seq), "the log is the other one's to erase");

  await jobs.updateOne({}, { $set: { heldUntil: 0 } });
  await eventually("it has it again", () => begun === 2);
  goOn();
  await eventually("it is done", async () => (await store.job(id))?.done === true);
  t.equal(await logAdmin.at(seq), undefined);
});

t.test("a message that is in the log twice is erased twice: what was dropped as a repetition, too", async (t) => {
  const { url, logAdmin, store } = await open(t);
  const said = { ...message("a", "a secret", { user: "지우개" }), nonce: "n" } as LogEvent;
  for (const id of ["1", "2"]) await logAdmin.publish(said, id);
  const floor = { now: async () => logAdmin.log().then(({ epoch, lastSeq }) => ({ epoch, seq: lastSeq })) };
  const eraser = new Eraser({ logAdmin, store, floor, onFailure: () => {} });
  t.teardown(() => eraser.close());
  const id = await store.addJob({ kind: "person", person: { user: "지우개" } }, new Date().toISOString());
  await eventually("it is done", async () => (await store.job(id))?.done === true);
  const { dump } = lookInside(t, url);
  const { epoch } = await logAdmin.log();
  const expected = [1, 2].map((seq) => ({ _id: messageKey("a", { epoch, seq }), room: "a", erased: true }));
  t.strictSame(await dump("messages"), expected, "whoever had one of them in hand cannot bring it back");
});

t.test("of a moderator's act and the erasure of its room at once one sees the other", async (t) => {
  const { url, logAdmin, store } = await open(t);
  const projected = await openStore(t, url);
  await projected.ensureRoom("a", new Date().toISOString());
  let looked = 0;
  const watched: Pick<AdminStore, "takeJob"> = {
    takeJob: (...args) => {
      looked++;
      return store.takeJob(...args);
    },
  };
  const floor = { now: async () => logAdmin.log().then(({ epoch, lastSeq }) => ({ epoch, seq: lastSeq })) };
  const eraser = new Eraser({ logAdmin, store: instead(store, watched), floor, onFailure: () => {} });
  t.teardown(() => eraser.close());
  const erase = () => store.addJob({ kind: "room", room: "a" }, new Date().toISOString());
  const isDone = async (id: string) => (await store.job(id))?.done === true;

  // The act is first: it stands still before its rule.
  let goOn = () => {};
  const slow: Pick<LogAdmin, "change"> = {
    change: async (...args) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return logAdmin.change(...args);
    },
  };
  const first = new Moderator(instead(logAdmin, slow), store).setRoom("a", {
    status: 1,
    slowModeS: 9,
    topic: "of a room that goes",
  });
  await eventually("it has begun", () => store.isActing("a"));
  const waiting = await erase();
  const before = looked;
  await eventually("the erasure looks again", () => looked > before + 1);
  t.equal(logAdmin.rules.room("a"), undefined, "it waits");
  goOn();
  await first;
  await eventually("it is done", () => isDone(waiting));
  t.match(logAdmin.rules.room("a"), { status: 0, slowModeS: 0 });
  t.strictSame(await logAdmin.scan("a", 1), []);

  // The erasure is first: the act has not seen it when it begins.
  let second = "";
  const late: Pick<AdminStore, "record"> = {
    record: async (entry) => {
      second = await erase();
      await store.record(entry);
    },
  };
  const moderator = new Moderator(logAdmin, instead(store, late));
  await t.rejects(moderator.setRoom("a", { status: 1, slowModeS: 9 }), { code: "conflict" });
  await eventually("it is done", () => isDone(second));
  t.match(logAdmin.rules.room("a"), { status: 0, slowModeS: 0 });
  t.strictSame(await logAdmin.scan("a", 1), []);

  // Of two acts at once the later rule holds, and the members hear last what holds.
  const other = new Moderator(logAdmin, store);
  const overtaken: Pick<LogAdmin, "publish"> = {
    publish: async (event, id) => {
      if (!id.includes(" 1", 40)) await other.setRoom("b", { status: 2 });
      return logAdmin.publish(event, id);
    },
  };
  await new Moderator(instead(logAdmin, overtaken), store).setRoom("b", { status: 1, topic: "t" });
  const told = (await logAdmin.scan("b", 1)).map(({ data }) => JSON.parse(Buffer.from(data).toString("utf8")).status);
  t.strictSame(told, [2, 1, 2]);
  t.match(logAdmin.rules.room("b"), { status: 2 });
});

t.test("who has stood still and lost a room's job erases nothing of the room's next life, nor opens it", async (t) => {
  const { url, logAdmin, store } = await open(t);
  const projected = await openStore(t, url);
  const say = async (text: string) => {
    const event = message("a", text);
    const position = { epoch: (await logAdmin.log()).epoch, seq: (await logAdmin.publish(event, text)).seq };
    await createProjector(projected, silent)([record(event, position)]);
    return position.seq;
  };
  let calls = 0;
  let looked = 0;
  let goOn = () => {};
  const watched: Pick<AdminStore, "eraseRoom" | "takeJob"> = {
    eraseRoom: async (...args) => {
      if (++calls === 2) {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      }
      await store.eraseRoom(...args);
    },
    takeJob: (...args) => {
      looked++;
      return store.takeJob(...args);
    },
  };
  const floor = { now: async () => logAdmin.log().then(({ epoch, lastSeq }) => ({ epoch, seq: lastSeq })) };
  await say("old");
  const eraser = new Eraser({ logAdmin, store: instead(store, watched), floor, onFailure: () => {} });
  t.teardown(() => eraser.close());
  const id = await store.addJob({ kind: "room", room: "a" }, new Date().toISOString());
  await eventually("it stands still at its end", () => calls === 2);
  await lookInside(t, url)
    .db.collection("jobs")
    .updateOne({}, { $set: { holder: "somebody else" } });
  await store.finishJob(id);
  const rule = { kind: "room", room: "a", status: 1, slowModeS: 0 } as const;
  await logAdmin.change(rule, () => rule);
  const seq = await say("new");
  const before = looked;
  goOn();
  await eventually("it looks for another job", () => looked > before);
  t.match(await projected.messages("a", {}, "oldest first", 9), [{ message: "new" }]);
  t.match(await projected.room("a"), { room: "a" });
  t.ok(await logAdmin.at(seq));
  t.match(logAdmin.rules.room("a"), { status: 1 });
});
