import t from "tap";
import { openMongoAdmin } from "../src/admin/mongo-admin.ts";
import { createProjector } from "../src/projector.ts";
import { freshDatabase, lookInside, message, mongod, openStore, record, silent } from "./support.ts";

t.test("an edit that is projected once more after its author was erased brings no text back", async (t) => {
  const url = freshDatabase(await mongod(t));
  const store = await openStore(t, url);
  const admin = openMongoAdmin(url);
  t.teardown(() => admin.close());
  const { dump } = lookInside(t, url);
  const place = { epoch: "e", seq: 1 };
  const at = new Date().toISOString();
  const edit = { type: "edit", room: "a", user: "민수", target: 1, message: "$secret", at } as const;
  const records = [record(message("a", "as it was"), place), record(edit, { ...place, seq: 2 })];
  const project = createProjector(store, silent);
  await project(records);
  const range = { upTo: { epoch: "e", seq: 9 } };
  t.match(await store.messages("a", range, "oldest first", 9), [{ message: "$secret", editedAt: at }]);
  await admin.erasePerson({ user: "민수" }, at);
  await project(records);
  t.match(await admin.searchMessages({ room: "a" }, undefined, 9), [{ user: "[erased]", message: "" }]);
  t.notMatch(JSON.stringify(await dump("messages")), /secret|as it was/);
});
