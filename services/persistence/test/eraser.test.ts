import { DEFAULT_LOG_SETTINGS, type LogAdmin, openLogAdmin } from "@madang/broker";
import type { LogEvent } from "@madang/protocol";
import t, { type Test } from "tap";
import { Eraser } from "../src/moderation/eraser.ts";
import { Moderator } from "../src/moderation/moderator.ts";
import { openMongoAdminStore } from "../src/mongo/admin-store.ts";
import { createProjector } from "../src/projection/projector.ts";
import type { AdminStore } from "../src/store/admin-store.ts";
import type { AuditLog } from "../src/store/audit-log.ts";
import type { Erasure } from "../src/store/erasure.ts";
import type { JobQueue } from "../src/store/job-queue.ts";
import { messageKey } from "../src/store/position.ts";
import { eventually, freshDatabase, lookInside, message, mongod, nats, openStore, record, silent } from "./support.ts";

/** The object with some of its members replaced. */
function replace<T extends object>(of: T, some: Partial<T>): T {
  return new Proxy(of, {
    get: (of, name) => {
      const member = Reflect.get(name in some ? some : of, name);
      return typeof member === "function" ? member.bind(of) : member;
    },
  });
}

/** Holds back everything that awaits it until it is opened. */
class Gate {
  #open = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  open(): void {
    this.#open();
  }
}

/** What is left of a room in the log beside its clearing. */
async function textsOf(logAdmin: LogAdmin, room: string): Promise<string[]> {
  const events = (await logAdmin.scan(room, 1)).map(({ data }) => Buffer.from(data).toString());
  return events.filter((event) => !event.includes('"cleared":true'));
}

async function open(t: Test) {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const logAdmin = openLogAdmin({ url: log.url, name: "test" }, DEFAULT_LOG_SETTINGS, () => {});
  const store = openMongoAdminStore(url);
  t.teardown(() => Promise.all([logAdmin.close(), store.close()]));
  await logAdmin.ready;
  const endOfLog = async () => logAdmin.log().then(({ epoch, lastSeq }) => ({ epoch, seq: lastSeq }));
  const floor = { now: endOfLog };
  const { dump, db: database } = lookInside(t, url);

  return {
    url,
    logAdmin,
    store,
    dump,
    jobs: database.collection("jobs"),
    floor,
    /** Starts an eraser; `polls` counts how often it asked for a job. */
    startEraser(erasure: Partial<Erasure> = {}, rest: Partial<ConstructorParameters<typeof Eraser>[0]> = {}) {
      const seen = { polls: 0, failures: [] as string[] };
      const take: JobQueue["take"] = (...args) => {
        seen.polls++;
        return store.jobs.take(...args);
      };
      const watched: AdminStore = replace(store, {
        erasure: replace(store.erasure, erasure),
        jobs: replace(store.jobs, { take }),
      });
      const onFailure = (_: string, error: Error) => seen.failures.push(error.message);
      const eraser = new Eraser({ logAdmin, store: watched, floor, onFailure, ...rest });
      t.teardown(() => eraser.close());
      return seen;
    },
    erasePersonLater: (user: string, at = new Date()) =>
      store.jobs.add({ kind: "person", person: { user } }, at.toISOString()),
    eraseRoomLater: (room: string) => store.jobs.add({ kind: "room", room }, new Date().toISOString()),
    isDone: async (id: string) => (await store.jobs.get(id))?.done === true,
  };
}

t.test("an erasure with a long step stays with the instance that runs it", async (t) => {
  const { store, dump, startEraser, erasePersonLater, isDone } = await open(t);
  let begun = 0;
  const gate = new Gate();
  const slow: Partial<Erasure> = {
    erasePerson: async (person, at) => {
      begun++;
      await gate.opened;
      await store.erasure.erasePerson(person, at);
    },
  };
  for (let i = 0; i < 2; i++) startEraser(slow);
  const id = await erasePersonLater("민수");
  await eventually("the erasure has begun", () => begun === 1);
  const leasedUntil = async (): Promise<number> => (await dump("jobs"))[0]!["heldUntil"];
  const first = await leasedUntil();
  await eventually("the first lease would have ended", () => Date.now() > first + 1000);
  t.ok((await leasedUntil()) > first, "the lease was renewed");
  t.equal(begun, 1, "the other instance does not take the job");
  gate.open();
  await eventually("the erasure is done", () => isDone(id));
  t.equal(begun, 1);
});

t.test("an erasure that keeps failing does not block the others", async (t) => {
  const { store, startEraser, erasePersonLater, isDone } = await open(t);
  const failing: Partial<Erasure> = {
    erasePerson: async (person, at) => {
      if (person.user === "민수") throw new Error("broken");
      await store.erasure.erasePerson(person, at);
    },
  };
  const first = await erasePersonLater("민수", new Date(1000));
  const second = await erasePersonLater("지우개", new Date(2000));
  const { failures } = startEraser(failing);
  await eventually("the second job is done", () => isDone(second));
  const before = failures.length;
  await eventually("the first job is retried", () => failures.length > before);
  t.equal(await isDone(first), false);
});

t.test("the eraser waits for the projection, and stops when it loses its lease", async (t) => {
  const { logAdmin, store, jobs, startEraser, erasePersonLater, isDone } = await open(t);
  const { seq } = await logAdmin.publish(message("a", "a secret", { user: "지우개" }), "1");
  let projectedTo = 0;
  let asked = 0;
  const gates: Gate[] = [];
  const waiting: Partial<Erasure> = {
    erasePerson: async () => {
      const gate = new Gate();
      gates.push(gate);
      await gate.opened;
    },
  };
  const floor = {
    now: async () => {
      asked++;
      return { epoch: (await logAdmin.log()).epoch, seq: projectedTo };
    },
  };
  const seen = startEraser(waiting, { floor });
  const id = await erasePersonLater("지우개");

  await eventually("the eraser waits", () => asked > 3 || gates.length > 0);
  t.equal(gates.length, 0, "a message that is projected later would come back");
  t.ok(await logAdmin.at(seq));
  projectedTo = seq;
  await eventually("the erasure has begun", () => gates.length === 1);

  await jobs.updateOne({}, { $set: { holder: "another instance", heldUntil: Date.now() + 3600_000 } });
  const before = seen.polls;
  gates[0]!.open();
  await eventually("the eraser asks for another job", () => seen.polls > before);
  t.equal((await store.jobs.get(id))?.done, false);
  t.ok(await logAdmin.at(seq), "the log is left to the other instance");

  await jobs.updateOne({}, { $set: { heldUntil: 0 } });
  await eventually("the eraser has the job again", () => gates.length === 2);
  gates[1]!.open();
  await eventually("the erasure is done", () => isDone(id));
  t.equal(await logAdmin.at(seq), undefined);
});

t.test("a repeated send that the projection dropped is erased, too", async (t) => {
  const { logAdmin, dump, startEraser, erasePersonLater, isDone } = await open(t);
  const event = { ...message("a", "a secret", { user: "지우개" }), nonce: "n" } as LogEvent;
  for (const id of ["1", "2"]) await logAdmin.publish(event, id);
  startEraser();
  const id = await erasePersonLater("지우개");
  await eventually("the erasure is done", () => isDone(id));
  const { epoch } = await logAdmin.log();
  const expected = [1, 2].map((seq) => ({ _id: messageKey("a", { epoch, seq }), room: "a", erased: true }));
  t.strictSame(await dump("messages"), expected, "projecting one of them again cannot bring it back");
});

t.test("a room's erasure waits for an act that began before it", async (t) => {
  const { url, logAdmin, store, startEraser, eraseRoomLater, isDone } = await open(t);
  await (await openStore(t, url)).ensureRoom("a", new Date().toISOString());
  const seen = startEraser();
  const gate = new Gate();
  const slow: Partial<LogAdmin> = {
    change: async (...args) => {
      await gate.opened;
      return logAdmin.change(...args);
    },
  };
  const moderator = new Moderator(replace(logAdmin, slow), store);
  const act = moderator.setRoom("a", { status: 1, slowModeS: 9, topic: "of an erased room" });
  await eventually("the act has begun", () => store.audit.hasUnfinished("a"));
  const id = await eraseRoomLater("a");
  const before = seen.polls;
  await eventually("the eraser tries twice", () => seen.polls > before + 1);
  t.equal(logAdmin.rules.room("a"), undefined, "the room is not closed yet");
  gate.open();
  await act;
  await eventually("the erasure is done", () => isDone(id));
  t.match(logAdmin.rules.room("a"), { status: 0, slowModeS: 0 });
  t.strictSame(await textsOf(logAdmin, "a"), [], "only the clearing is left");
});

t.test("an act is refused when its room's erasure begins at the same time", async (t) => {
  const { logAdmin, store, startEraser, eraseRoomLater, isDone } = await open(t);
  startEraser();
  let id = "";
  const late: Partial<AuditLog> = {
    add: async (entry) => {
      id = await eraseRoomLater("a");
      await store.audit.add(entry);
    },
  };
  const moderator = new Moderator(logAdmin, replace(store, { audit: replace(store.audit, late) }));
  await t.rejects(moderator.setRoom("a", { status: 1, slowModeS: 9 }), { code: "conflict" });
  await eventually("the erasure is done", () => isDone(id));
  t.match(logAdmin.rules.room("a"), { status: 0, slowModeS: 0 });
  t.strictSame(await textsOf(logAdmin, "a"), [], "only the clearing is left");
});

t.test("when two moderators change a room at once, the last event has the rule that holds", async (t) => {
  const { logAdmin, store } = await open(t);
  const other = new Moderator(logAdmin, store);
  const overtaken: Partial<LogAdmin> = {
    publish: async (event, id) => {
      if (!id.includes(" 1", 40)) await other.setRoom("b", { status: 2 });
      return logAdmin.publish(event, id);
    },
  };
  await new Moderator(replace(logAdmin, overtaken), store).setRoom("b", { status: 1, topic: "t" });
  const statuses = (await logAdmin.scan("b", 1)).map(({ data }) => JSON.parse(Buffer.from(data).toString()).status);
  t.strictSame(statuses, [2, 1, 2]);
  t.match(logAdmin.rules.room("b"), { status: 2 });
});

t.test("an instance that was suspended and lost a room's job does not touch the next room of that name", async (t) => {
  const { url, logAdmin, store, jobs, startEraser, eraseRoomLater } = await open(t);
  const projected = await openStore(t, url);
  const say = async (text: string) => {
    const event = message("a", text);
    const position = { epoch: (await logAdmin.log()).epoch, seq: (await logAdmin.publish(event, text)).seq };
    await createProjector(projected, silent)([record(event, position)]);
    return position.seq;
  };
  let calls = 0;
  const gate = new Gate();
  await say("old");
  const seen = startEraser({
    eraseRoom: async (...args) => {
      if (++calls === 2) await gate.opened;
      await store.erasure.eraseRoom(...args);
    },
  });
  const id = await eraseRoomLater("a");
  await eventually("the eraser is suspended in its last step", () => calls === 2);
  await jobs.updateOne({}, { $set: { holder: "another instance" } });
  await store.jobs.finish(id);
  const rule = { kind: "room", room: "a", status: 1, slowModeS: 0 } as const;
  await logAdmin.change(rule, () => rule);
  const seq = await say("new");
  const before = seen.polls;
  gate.open();
  await eventually("the eraser asks for another job", () => seen.polls > before);
  t.match(await projected.messages("a", {}, "oldest first", 9), [{ message: "new" }]);
  t.match(await projected.room("a"), { room: "a" });
  t.ok(await logAdmin.at(seq));
  t.match(logAdmin.rules.room("a"), { status: 1 });
});
