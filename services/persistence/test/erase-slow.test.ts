import { DEFAULT_LOG_SETTINGS, openDesk } from "@madang/broker";
import t from "tap";
import type { AdminStore } from "../src/admin/admin-store.ts";
import { Eraser } from "../src/admin/erasing.ts";
import { openMongoAdmin } from "../src/admin/mongo-admin.ts";
import { eventually, freshDatabase, lookInside, mongod, nats } from "./support.ts";

t.test("an erasure whose step takes long stays with whoever does it", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const desk = openDesk({ url: log.url, name: "test" }, DEFAULT_LOG_SETTINGS, () => {});
  const store = openMongoAdmin(url);
  t.teardown(() => Promise.all([desk.close(), store.close()]));
  await desk.opened;

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
  const waiting = new Proxy(store, {
    get: (of, name) => {
      const method = Reflect.get(name === "erasePerson" ? slow : of, name);
      return typeof method === "function" ? method.bind(of) : method;
    },
  });
  const floor = { now: async () => desk.log().then(({ epoch, lastSeq }) => ({ epoch, seq: lastSeq })) };
  const erasers = [1, 2].map(() => new Eraser({ desk, store: waiting, floor, onTrouble: () => {} }));
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
