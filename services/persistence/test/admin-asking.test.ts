/** What moderators ask of the admin page, and what it says to what cannot be. */
import { startMongod } from "@madang/local-stack";
import t from "tap";
import { openMongoAdmin } from "../src/admin/mongo-admin.ts";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";
import { freshDatabase, lookInside, message } from "./support.ts";

t.test("asking the admin page", async (t) => {
  const { persistence, publisher, inside } = await adminSystem(t);
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  const made = (room: string) => clicker.submit("/admin/rooms", { room });

  await t.test("what it answers is kept in no cache, an export and a way to the login too", async (t) => {
    const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
    const stranger = new Clicker(persistence.url);
    for (const [what, answer] of [
      ["a page", clicker.get("/admin/rooms")],
      ["what is not there", clicker.get("/admin/nothing")],
      ["an export", clicker.post("/admin/people/export", { csrf, user: "u" })],
      ["what follows a form", clicker.post("/admin/rooms", { csrf, room: "a" })],
      ["the way to the login", stranger.get("/admin/rooms")],
    ] as const) {
      t.equal((await answer).headers.get("cache-control"), "no-store", what);
    }
  });

  await t.test("a link that leads to no page is told from the first page", async (t) => {
    for (const path of [
      ...["messages?room=a&before=x", "messages?room=a&before=", "messages?room=a&before=a.1&before=x"],
      ...["messages?before=a.1", "messages?text=a&before=a.1", "audit?before=x", "letters?after=x"],
    ]) {
      const answer = await clicker.get(`/admin/${path}`);
      t.equal(answer.status, 400, path);
      t.match(await answer.text(), "That link leads to no page");
    }
    await made("last of two");
    t.match(await clicker.page("/admin/rooms?q=none&q=of+two"), "last of two", "of two values the last, as in a form");
  });

  await t.test("rooms are paged through each once, also those whose names begin with white space", async (t) => {
    const names = Array.from({ length: 60 }, (_, i) => `\u00a0paged ${i}`);
    const at = new Date().toISOString();
    const rooms = ["!paged", "paged", ...names].map((_id) => ({ _id, createdAt: at }));
    await inside.db.collection<{ _id: string }>("rooms").insertMany(rooms);
    const seen: string[] = [];
    for (let path: string | undefined = "/admin/rooms?q=paged"; path && seen.length < 100; ) {
      const page = await clicker.page(path);
      seen.push(...[...page.matchAll(/<td><a [^>]*><bdi>([^<]*)</g)].map(([, name]) => name!));
      path = /<a href="([^"]*)">More</.exec(page)?.[1]?.replaceAll("&amp;", "&");
    }
    t.strictSame(seen.sort(), rooms.map(({ _id }) => _id).sort());
  });

  await t.test("what is searched for may have a NUL in it, as a message may", async (t) => {
    await publisher.publish(message("nul", "be\0fore"));
    const found = async (query: string) => (await clicker.page(`/admin/messages?${query}`)).includes("No message");
    await eventually("projected", async () => !(await found("room=nul")));
    t.notOk(await found("text=e%00f"), "found");
    t.ok(await found("text=e%00g"), "not found");
    t.match(await clicker.page("/admin/rooms?q=%00"), "There is no such room.");
  });

  await t.test("a page from before a room was deleted does not bring it back", async (t) => {
    await t.rejects(clicker.submit("/admin/room", { room: "gone", topic: "x", status: "0" }), /: 404 /);
    t.equal(await inside.db.collection<{ _id: string }>("rooms").countDocuments({ _id: "gone" }), 0);
  });
});

t.test("a room that is being erased is erased once, however often that is asked for", async (t) => {
  const server = await startMongod({ parameters: ["enableTestCommands=1"] });
  t.teardown(() => server.stop());
  const url = freshDatabase(server);
  const admin = openMongoAdmin(url);
  t.teardown(() => admin.close());
  const job = (room: string) => admin.addJob({ kind: "room", room }, new Date().toISOString());
  const first = await job("a");
  t.equal(await job("a"), first);
  t.not(await job("b"), first);
  t.match(await admin.takeJob("me", 10_000), { id: first });
  t.equal(await job("a"), first, "also while it is under way");
  await admin.finishJob(first);
  t.not(await job("a"), first, "but for what comes afterwards");

  await t.test("a search that takes too long says so", async (t) => {
    const { db } = lookInside(t, url);
    const failing = (command: string) =>
      db.admin().command({
        configureFailPoint: "failCommand",
        mode: { times: 1 },
        data: { failCommands: [command], errorCode: 50 },
      });
    await failing("find");
    const given = { code: "history_unavailable", message: /given up after 10 s/ };
    await t.rejects(admin.searchMessages({ text: "x" }, undefined, 1), given);
    await failing("aggregate");
    await t.rejects(admin.searchRooms("x", undefined, 1), given);
  });
});
