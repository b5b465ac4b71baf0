import t from "tap";
import { openMongoAdminStore } from "../src/mongo/admin-store.ts";
import { createProjector } from "../src/projection/projector.ts";
import { freshDatabase, lookInside, message, mongod, openStore, record, silent } from "./support.ts";

t.test("projecting an edit again after its author was erased restores no text", async (t) => {
  const url = freshDatabase(await mongod(t));
  const store = await openStore(t, url);
  const admin = openMongoAdminStore(url);
  t.teardown(() => admin.close());
  const { dump } = lookInside(t, url);
  const position = { epoch: "e", seq: 1 };
  const at = new Date().toISOString();
  const edit = { type: "edit", room: "a", user: "민수", target: 1, message: "$secret", at } as const;
  const records = [record(message("a", "as it was"), position), record(edit, { ...position, seq: 2 })];
  const project = createProjector(store, silent);
  await project(records);
  const range = { upTo: { epoch: "e", seq: 9 } };
  t.match(await store.messages("a", range, "oldest first", 9), [{ message: "$secret", editedAt: at }]);
  await admin.erasure.erasePerson({ user: "민수" }, at);
  await project(records);
  t.match(await admin.search.messages({ room: "a" }, undefined, 9), [{ user: "[erased]", message: "" }]);
  t.notMatch(JSON.stringify(await dump("messages")), /secret|as it was/);
});

t.test("projecting a message with a repeated nonce again restores no text", async (t) => {
  const url = freshDatabase(await mongod(t));
  const store = await openStore(t, url);
  const admin = openMongoAdminStore(url);
  t.teardown(() => admin.close());
  const { dump } = lookInside(t, url);
  const project = createProjector(store, silent);
  const position = (seq: number) => ({ epoch: "e", seq });
  const first = record(message("a", "a secret", { nonce: "n" }), position(1));
  const again = [2, 3].map((seq) => record(message("a", "a secret", { nonce: "n" }), position(seq)));
  await project([first, ...again]);
  const at = new Date().toISOString();
  await admin.erasure.erasePerson({ user: "민수" }, at);
  // Before the messages are erased from the log.
  await project([again[0]!]);
  const positions = [first, ...again].map(({ epoch, seq }) => ({ room: "a", position: { epoch, seq } }));
  for (let i = 0; i < 2; i++) await admin.erasure.eraseMessages(positions, at);
  for (let i = 0; i < 2; i++) {
    t.notMatch(JSON.stringify(await dump("messages")), /secret|민수/);
    await project([first, ...again]);
    await project([record({ type: "edit", room: "a", user: "민수", target: 3, message: "a secret", at }, position(4))]);
  }
  const [seen] = await admin.search.messages({ room: "a" }, undefined, 9).then((found) => found.slice(-1));
  t.match(seen, { seq: 1, user: "[erased]", message: "", deleted: true });
});
