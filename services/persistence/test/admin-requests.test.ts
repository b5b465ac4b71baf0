/** Requests to the admin page, valid and invalid. */
import { startMongod } from "@madang/local-stack";
import type { Document } from "mongodb";
import t from "tap";
import { logSubject } from "../../../packages/broker/src/subjects.ts";
import { openMongoAdminStore } from "../src/mongo/admin-store.ts";
import { messageKey } from "../src/store/position.ts";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";
import { freshDatabase, lookInside, message, mongod } from "./support.ts";

t.test("requests to the admin page", async (t) => {
  const { persistence, publisher, inside } = await adminSystem(t);
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  const made = (room: string) => clicker.submit("/admin/rooms", { room });

  await t.test("no response may be cached", async (t) => {
    const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
    const stranger = new Clicker(persistence.url);
    for (const [name, answer] of [
      ["a page", clicker.get("/admin/rooms")],
      ["an unknown page", clicker.get("/admin/nothing")],
      ["an export", clicker.post("/admin/people/export", { csrf, user: "u" })],
      ["the redirect after a form", clicker.post("/admin/rooms", { csrf, room: "a" })],
      ["the redirect to the login", stranger.get("/admin/rooms")],
    ] as const) {
      t.equal((await answer).headers.get("cache-control"), "no-store", name);
    }
  });

  await t.test("a double click creates a room once, also in the audit log", async (t) => {
    t.strictSame(new Set(await Promise.all([made("twice"), made("twice")])), new Set([await made("twice")]));
    t.equal(await inside.db.collection("audit").countDocuments({ room: "twice" }), 1);
  });

  await t.test("an invalid cursor is refused, not answered with the first page", async (t) => {
    for (const path of [
      ...["messages?room=a&before=x", "messages?room=a&before=", "messages?room=a&before=a.1&before=x"],
      ...["messages?before=a.1", "messages?text=a&before=a.1", "audit?before=x", "dead-letters?after=x"],
    ]) {
      const answer = await clicker.get(`/admin/${path}`);
      t.equal(answer.status, 400, path);
      t.match(await answer.text(), "This link does not lead to a page");
    }
    await made("last of two");
    t.match(
      await clicker.page("/admin/rooms?q=none&q=of+two"),
      "last of two",
      "the last of two values counts, as in a form",
    );
  });

  await t.test("paging lists each room once, also rooms whose names begin with white space", async (t) => {
    const names = Array.from({ length: 60 }, (_, i) => `\u00a0paged ${i}`);
    const at = new Date().toISOString();
    const rooms = ["!paged", "paged", ...names].map((_id) => ({ _id, createdAt: at }));
    await inside.db.collection<{ _id: string }>("rooms").insertMany(rooms);
    const seen: string[] = [];
    for (let path: string | undefined = "/admin/rooms?q=paged"; path && seen.length < 100; ) {
      const page = await clicker.page(path);
      seen.push(...[...page.matchAll(/<td><a [^>]*><bdi>([^<]*)</g)].map(([, name]) => name!));
      path = /<a href="([^"]*)">Next</.exec(page)?.[1]?.replaceAll("&amp;", "&");
    }
    t.strictSame(seen.sort(), rooms.map(({ _id }) => _id).sort());
  });

  await t.test("an unknown room is not deleted; one that only the log or the store has is", async (t) => {
    const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
    const remove = (room: string) => clicker.post("/admin/room/delete", { csrf, room, confirm: room });
    const answer = await remove("never was");
    t.equal(answer.status, 404);
    t.match(await answer.text(), "This room does not exist.");
    t.notMatch(await clicker.page("/admin/audit"), "never was");
    await publisher.publish(message("roomless", "m"));
    const rooms = inside.db.collection<{ _id: string }>("rooms");
    await eventually("projected", async () => (await rooms.deleteOne({ _id: "roomless" })).deletedCount === 1);
    const stored = await publisher.jsm.streams.getMessage("CHAT", { last_by_subj: logSubject("roomless") });
    await publisher.jsm.streams.deleteMessage("CHAT", stored!.seq);
    t.equal((await remove("roomless")).status, 303, "there are messages");
    await publisher.raw(logSubject("unreadable"), "{}");
    t.equal((await remove("unreadable")).status, 303, "the log has an event of it");
    t.equal((await remove("unreadable")).status, 303, "once more");
  });

  await t.test("a room that is being deleted can be neither changed nor created", async (t) => {
    await made("going");
    const jobs = inside.db.collection<{ _id: string }>("jobs");
    const subject = { kind: "room", room: "going" };
    // Another instance holds the job during this test.
    const holding = () => ({ holder: "else", heldUntil: Date.now() + 14_000 });
    await jobs.insertOne({ _id: "j", at: "t", kind: "room", subject, done: false, erasedTo: 0, ...holding() } as never);
    const renewal = setInterval(() => jobs.updateOne({ _id: "j" }, { $set: holding() }), 1000);
    t.teardown(() => clearInterval(renewal));
    const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
    for (const path of ["room", "rooms"]) {
      const answer = await clicker.post(`/admin/${path}`, { csrf, room: "going", topic: "t", status: "0" });
      t.equal(answer.status, 409, path);
      t.match(await answer.text(), "This room is being deleted.");
    }
    const put = await fetch(`${persistence.url}/v1/rooms/going`, { method: "PUT" });
    t.match([put.status, ((await put.json()) as { code: string }).code], [409, "conflict"], "nor by the API");
    t.match(await clicker.page("/admin/room?room=going"), 'name="topic" maxlength="500" value=""');
    await clicker.submit("/admin/people", { act: "ban", user: "mallory", room: "going" });
    const said = await publisher.jsm.streams.getMessage("CHAT", { last_by_subj: logSubject("going") });
    t.equal(said, null, "the ban holds, but publishes no event, which would create the room again");
    t.match(await clicker.page("/admin/people"), /<bdi>mallory<[\s\S]*<bdi>going</);
    clearInterval(renewal);
    await jobs.deleteOne({ _id: "j" });
    await clicker.submit("/admin/room", { room: "going", topic: "t", status: "0" });
  });

  await t.test("a search text may contain a NUL, as a message may", async (t) => {
    await publisher.publish(message("nul", "be\0fore"));
    const found = async (query: string) => (await clicker.page(`/admin/messages?${query}`)).includes("No messages");
    await eventually("projected", async () => !(await found("room=nul")));
    t.notOk(await found("text=e%00f"), "found");
    t.ok(await found("text=e%00g"), "not found");
    t.match(await clicker.page("/admin/rooms?q=%00"), "No rooms found.");
  });

  await t.test("documents that were damaged by hand break no page and block no erasure", async (t) => {
    const whole = { room: "odd", user: "u", message: "whole", at: new Date().toISOString() };
    const key = (seq: number) => messageKey("odd", { epoch: "0", seq });
    const messages = [{}, { user: 1 }, { message: null }, { at: new Date() }, { message: undefined }, { edit: "x" }];
    const damaged: Record<string, object[]> = {
      messages: [...messages.map((odd, i) => ({ ...whole, _id: key(i + 1), ...odd })), { ...whole, _id: 7 }],
      rooms: [{ _id: "odd", topic: "x", status: { place: "0", value: "shut" }, slowModeS: 5 }, { _id: 7 }],
      audit: [{ _id: "2000" }],
      dead_letters: [{ _id: "0" }, { _id: "1", subject: 5, at: "then", data: "text" }],
      jobs: [{ _id: "0", done: true }],
    };
    const options = { ignoreUndefined: true };
    for (const [name, odd] of Object.entries(damaged)) {
      await inside.db.collection(name).insertMany(odd as Document[], options);
    }
    const api = async (path: string) => (await fetch(`${persistence.url}/v1/rooms${path}`)).json() as Promise<object>;
    t.match(await api("/odd"), { room: "odd", topic: "", status: 0, createdAt: whole.at, lastPosition: "0.6" });
    t.match(await api("/odd/messages"), { messages: [{ position: "0.1" }, { position: "0.6" }], foundOldest: true });
    t.match(await api("?after=nul&limit=1"), { rooms: [{ room: "odd" }] });
    const pages = [
      "",
      "rooms",
      "rooms?q=odd",
      "room?room=odd",
      "messages",
      "messages?room=odd",
      "dead-letters",
      "audit",
    ];
    for (const page of pages) t.notMatch(await clicker.page(`/admin/${page}`), /undefined|NaN/, page);
    t.match(await clicker.submit("/admin/dead-letters/retry", { id: "1" }), /stillDead$/);
    await clicker.submit("/admin/people/erase", { user: "u", confirm: "u" });
    await clicker.submit("/admin/room/delete", { room: "odd", confirm: "odd" });
    const jobs = async () => (await inside.dump("jobs")).every(({ done }) => done);
    await eventually("erased", jobs);
    t.strictSame(
      (await inside.dump("rooms")).filter(({ _id }) => _id === "odd"),
      [],
    );
  });

  await t.test("a page from before a room was deleted does not create it again", async (t) => {
    await t.rejects(clicker.submit("/admin/room", { room: "gone", topic: "x", status: "0" }), /: 404 /);
    t.equal(await inside.db.collection<{ _id: string }>("rooms").countDocuments({ _id: "gone" }), 0);
  });
});

t.test("a room that is being erased has one job, however often it is requested", async (t) => {
  const server = await startMongod({ parameters: ["enableTestCommands=1"] });
  t.teardown(() => server.stop());
  const url = freshDatabase(server);
  const admin = openMongoAdminStore(url);
  t.teardown(() => admin.close());
  const job = (room: string) => admin.jobs.add({ kind: "room", room }, new Date().toISOString());
  const first = await job("a");
  t.equal(await job("a"), first);
  t.not(await job("b"), first);
  t.match(await admin.jobs.take("me", 10_000), { id: first });
  t.equal(await job("a"), first, "also while the job runs");
  await admin.jobs.finish(first);
  t.not(await job("a"), first, "a later request gets a new job");

  await t.test("an export is read in small batches, because decoding a large one blocks the process", async (t) => {
    const { db } = lookInside(t, url);
    const said = { room: "a", user: "u", userId: "u", message: "m", at: new Date().toISOString() };
    const all = Array.from({ length: 1100 }, (_, seq) => ({ _id: messageKey("a", { epoch: "0", seq }), ...said }));
    await db.collection<{ _id: string }>("messages").insertMany(all);
    const steps = async () => (await db.admin().command({ serverStatus: 1 }))["opcounters"]["getmore"] as number;
    const before = await steps();
    let found = 0;
    for await (const { user } of admin.search.messagesBy({ userId: "u", user: "u" })) if (user === "u") found++;
    t.equal(found, 1100);
    t.ok((await steps()) - before > 1);
  });

  await t.test("a search that takes too long is stopped with a message", async (t) => {
    const { db } = lookInside(t, url);
    const failing = (command: string) =>
      db.admin().command({
        configureFailPoint: "failCommand",
        mode: { times: 1 },
        data: { failCommands: [command], errorCode: 50 },
      });
    await failing("find");
    const given = { code: "history_unavailable", message: /stopped after 10 s/ };
    await t.rejects(admin.search.messages({ text: "x" }, undefined, 1), given);
    await failing("aggregate");
    await t.rejects(admin.search.rooms("x", undefined, 1), given);
  });
});

t.test("concurrent requests to delete a room share one job, across instances", async (t) => {
  const url = freshDatabase(await mongod(t));
  const instances = [1, 2, 3].map(() => openMongoAdminStore(url));
  t.teardown(() => Promise.all(instances.map((admin) => admin.close())));
  const { dump } = lookInside(t, url);
  const askAll = (room: string) =>
    Promise.all(
      [...instances, ...instances].map((admin) => admin.jobs.add({ kind: "room", room }, new Date().toISOString())),
    );
  for (let i = 1; i <= 10; i++) {
    const ids = await askAll(`room ${i}`);
    t.equal(new Set(ids).size, 1);
    t.equal((await dump("jobs")).length, i);
    await instances[0]!.jobs.finish(ids[0]!);
  }
  const again = await askAll("room 1");
  t.equal((await dump("jobs")).length, 11, "a new job after the first is done");
  t.equal(await instances[1]!.jobs.isErasing("room 1"), true);
  await instances[2]!.jobs.finish(again[0]!);
  t.equal(await instances[1]!.jobs.isErasing("room 1"), false);
  const ofPersons = [1, 2].map(() => instances[0]!.jobs.add({ kind: "person", person: { user: "u" } }, "t"));
  t.not(...((await Promise.all(ofPersons)) as [string, string]));
});
