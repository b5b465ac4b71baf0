import t from "tap";
import { messageKey } from "../src/store/position.ts";
import { adminSystem, Clicker, eventually, TOKEN } from "./admin-support.ts";
import { message } from "./support.ts";

const html = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

t.test("the admin page", async (t) => {
  const { persistence, start, publisher, inside } = await adminSystem(t);
  const { url } = persistence;

  t.test("without a token the page is off and says how to enable it", async (t) => {
    const off = await start("persistence", { ADMIN_TOKEN: "" });
    for (const path of ["/admin", "/admin/", "/admin/login", "/admin/rooms"]) {
      const response = await fetch(off.url + path);
      t.equal(response.status, 404);
      t.equal(await response.text(), "The admin page is off. Set ADMIN_TOKEN (at least 16 characters) to enable it.\n");
    }
  });

  t.test("every page has its own title, also the error page", async (t) => {
    const clicker = new Clicker(url);
    const title = async (path: string, status = 200) => {
      const response = await clicker.get(path);
      t.equal(response.status, status, path);
      return /<title>(.*)<\/title>/.exec(await response.text())?.[1];
    };
    t.equal(await title("/admin/login"), "Log in · Madang · admin");
    t.equal((await clicker.get("/admin/nothing")).headers.get("location"), "/admin/login?next=%2Fadmin%2Fnothing");
    await clicker.login();
    t.equal(await title("/admin/people"), "People · Madang · admin");
    await clicker.submit("/admin/rooms", { room: "a <room>" });
    t.equal(await title("/admin/room?room=a%20%3Croom%3E"), "a &lt;room&gt; · Madang · admin");
    for (const path of ["room?room=none", "nothing", "people/nothing"]) {
      t.equal(await title(`/admin/${path}`, 404), "Request failed · Madang · admin");
    }
  });

  t.test("the page needs the token, and every form its CSRF token", async (t) => {
    const clicker = new Clicker(url);
    const paths = ["", "rooms", "room?room=a", "messages", "people", "dead-letters", "audit"].map(
      (path) => `/admin/${path}`,
    );
    for (const path of paths) {
      const response = await clicker.get(path);
      t.match([response.status, response.headers.get("location")], [303, "/admin/login"], path);
    }
    t.equal((await clicker.login("not the token at all")).status, 403);
    t.equal(clicker.cookie, "");
    const response = await clicker.login();
    t.match([response.status, response.headers.get("location")], [303, "/admin/"]);
    const cookie = response.headers.get("set-cookie")!;
    for (const part of ["HttpOnly", "SameSite=Strict", "Path=/admin"]) t.ok(cookie.includes(part), part);
    t.notOk(cookie.includes("Secure"));
    const tls = await clicker.post("/admin/login", { token: TOKEN }, { "x-forwarded-proto": "https" });
    t.match(tls.headers.get("set-cookie"), /; Secure$/);
    for (const path of paths.filter((path) => !path.includes("?"))) await clicker.page(path);
    for (const path of [
      "rooms",
      "room",
      "room/delete",
      "messages/delete",
      "people",
      "people/erase",
      "dead-letters/discard",
    ]) {
      for (const csrf of ["", "x".repeat(43)]) {
        t.equal((await clicker.post(`/admin/${path}`, { csrf, room: "a", user: "u", act: "ban" })).status, 403, path);
      }
    }
    const forged = new Clicker(url);
    forged.cookie = clicker.cookie.replace(/=\d{13}/, `=${Date.now() + 1e12}`);
    t.equal((await forged.get("/admin/")).status, 303, "a forged expiry is refused");
    const { headers } = await clicker.get("/admin/rooms");
    t.match(headers.get("content-security-policy"), /default-src 'none';style-src 'self'/);
    t.notMatch(headers.get("content-security-policy"), /script-src|unsafe/);
    const anew = await start("persistence", { ADMIN_TOKEN: "another token of them" });
    t.equal(
      (await fetch(`${anew.url}/admin/`, { headers: { cookie: clicker.cookie }, redirect: "manual" })).status,
      303,
    );
  });

  t.test("a login leads to the requested page, and reports a form that was not processed", async (t) => {
    const { url } = await start("persistence");
    const clicker = new Clicker(url);
    const asked = await clicker.get("/admin/messages?room=a%26b&text=%22x");
    const login = asked.headers.get("location")!;
    t.equal(login, "/admin/login?next=%2Fadmin%2Fmessages%3Froom%3Da%2526b%26text%3D%2522x");
    const page = await clicker.page(login);
    t.match(page, 'name="next" value="/admin/messages?room=a%26b&amp;text=%22x"');
    t.notMatch(page, "not processed");
    const referer = `${url}/admin/room?room=a`;
    const late = await clicker.post("/admin/room", { room: "a", status: "2" }, { referer });
    t.match([late.status, late.headers.get("location")], [303, "/admin/login?lost=1&next=%2Fadmin%2Froom%3Froom%3Da"]);
    const after = await clicker.post("/admin/people", {}, { referer: `${url}/admin/people?user=u&notice=done` });
    t.equal(
      after.headers.get("location"),
      "/admin/login?lost=1&next=%2Fadmin%2Fpeople%3Fuser%3Du",
      "without the notice of an earlier form",
    );
    t.match(
      await clicker.page(late.headers.get("location")!),
      "Your session had ended, so the form was not processed.",
    );
    const wrong = await clicker.post("/admin/login", { token: "wrong", next: "/admin/people" });
    t.match(await wrong.text(), 'name="next" value="/admin/people"', "a wrong token keeps the requested page");
    for (const [next, place] of [
      ["/admin/room?room=a", "/admin/room?room=a"],
      ...[
        "",
        "//evil.example/admin/",
        "https://evil.example/admin/",
        "/admin/..//evil.example",
        "\\\\evil.example",
        "/docs",
      ].map((next) => [next, "/admin/"]),
    ] as const) {
      const { headers } = await clicker.post("/admin/login", { token: TOKEN, next: next! });
      t.equal(headers.get("location"), place, next);
    }
  });

  t.test("the overview reloads only on request", async (t) => {
    const clicker = new Clicker(url);
    await clicker.login();
    t.notMatch(await clicker.page("/admin/?notice=erasing"), "http-equiv");
    t.match(await clicker.page("/admin/?live=1"), '<meta http-equiv="refresh" content="10; url=/admin/?live=1">');
    t.notMatch(await clicker.page("/admin/rooms?live=1"), "http-equiv");
  });

  t.test("logins are limited", async (t) => {
    const other = await start("persistence");
    const clicker = new Clicker(other.url);
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await clicker.login("wrong")).status);
    t.strictSame([...new Set(statuses)], [403, 429]);
    t.equal((await clicker.login()).status, 429, "also with the right token");
  });

  const clicker = new Clicker(url);
  await clicker.login();

  t.test("rooms: create, search, change; history follows", async (t) => {
    const room = "수다방 <1>";
    t.match(await clicker.submit("/admin/rooms", { room }), /^\/admin\/room\?room=/);
    await clicker.submit("/admin/rooms", { room: "other" });
    const list = await clicker.page(`/admin/rooms?q=${encodeURIComponent("다방 <")}`);
    t.ok(list.includes(html(room)) && !list.includes("other"));
    await clicker.submit("/admin/room", { room, topic: "주제", status: "1", slowModeS: "7", retentionDays: "30" });
    await eventually("history knows", async () => {
      const answer = await fetch(`${url}/v1/rooms/${encodeURIComponent(room)}`);
      return ((await answer.json()) as { topic?: string }).topic === "주제";
    });
    t.match(await (await fetch(`${url}/v1/rooms/${encodeURIComponent(room)}`)).json(), { status: 1, slowModeS: 7 });
    t.match(
      await clicker.page(`/admin/room?room=${encodeURIComponent(room)}`),
      /value="1" selected[\s\S]*value="7"[\s\S]*value="30"/,
    );
    for (const bad of [
      { status: "3" },
      { slowModeS: "-1" },
      { slowModeS: "x" },
      { retentionDays: "3" },
      { topic: "x".repeat(501) },
    ]) {
      await t.rejects(clicker.submit("/admin/room", { room, topic: "", ...bad }), /: 400 /, JSON.stringify(bad));
    }
  });

  t.test("two moderators change a room at once: neither undoes the other's change", async (t) => {
    await clicker.submit("/admin/rooms", { room: "two" });
    const path = "/admin/room?room=two";
    /** The form's fields as the page shows them. */
    const form = async () => {
      const fields = (await clicker.page(path)).matchAll(/ name="([^"]+)"[^>]* value="([^"]*)"/g);
      const was = Object.fromEntries([...fields].map(([, name, value]) => [name!, value!]));
      return { ...was, room: "two", status: was["was.status"]! };
    };
    const rule = async () => {
      const { topic, status, slowModeS, retentionDays } = (await form()) as Record<string, string>;
      return [topic, status, slowModeS, retentionDays];
    };
    const first = await form();
    await clicker.submit("/admin/room", { ...first, status: "1" });
    await eventually("read-only", async () => (await rule())[1] === "1");
    const old = await form();
    await clicker.submit("/admin/room", { ...old, status: "2", slowModeS: "9" });
    await clicker.submit("/admin/room", { ...old, topic: "주제", retentionDays: "30" });
    await eventually("projected", async () => {
      const room = (await (await fetch(`${url}/v1/rooms/two`)).json()) as Record<string, unknown>;
      return room["topic"] === "주제" && room["status"] === 2 && room["slowModeS"] === 9;
    });
    t.strictSame(await rule(), ["주제", "2", "9", "30"]);
    t.match(await clicker.page("/admin/audit"), "<bdi>retention 30 days, topic: 주제</bdi>");
    await clicker.submit("/admin/room", old);
    t.strictSame(await rule(), ["주제", "2", "9", "30"], "a form without changes changes nothing");
    await clicker.submit("/admin/room", { ...(await form()), topic: "", retentionDays: "0" });
    await eventually("projected", async () => (await rule())[0] === "");
    t.strictSame(await rule(), ["", "2", "9", "0"]);
  });

  t.test("messages: search, delete", async (t) => {
    const seqs: number[] = [];
    for (const [text, user] of [
      ["first (a+b)", "민수"],
      ["second", "영희"],
      ["third", "민수"],
    ] as const) {
      seqs.push(await publisher.publish({ ...message("m", text), user } as never));
    }
    const shown = (page: string) => ["first", "second", "third"].filter((text) => page.includes(`>${text}`));
    await eventually("projected", async () => shown(await clicker.page("/admin/messages?room=m")).length === 3);
    t.strictSame(shown(await clicker.page(`/admin/messages?room=m&person=${encodeURIComponent("민수")}`)), [
      "first",
      "third",
    ]);
    t.strictSame(shown(await clicker.page(`/admin/messages?text=${encodeURIComponent("(A+b)")}`)), ["first"]);
    t.strictSame(shown(await clicker.page("/admin/messages?text=.*")), []);
    const position = `${publisher.epoch}.${seqs[0]}`;
    const to = await clicker.submit("/admin/messages/delete", { room: "m", position, back: "?room=m" });
    t.equal(to, "/admin/messages?room=m&notice=done");
    const page = await (await fetch(`${url}/v1/rooms/m/messages`)).json();
    t.match(page, { messages: [{ message: "", deleted: true }, { message: "second" }, { message: "third" }] });
    t.ok(
      (await clicker.page("/admin/messages?room=m")).includes("first"),
      "moderators can still read what they deleted",
    );
    await t.rejects(
      publisher.jsm.streams
        .getMessage("CHAT", { seq: seqs[0]! })
        .then((found) => found ?? Promise.reject(new Error("gone"))),
    );
    await t.rejects(
      clicker
        .submit("/admin/messages/delete", { room: "m", position, back: "//evil" })
        .then((to) => t.match(to, /^\/admin\/messages\?notice/) && Promise.reject(new Error("ok"))),
      /ok/,
    );
  });

  t.test("a delete needs a message of that room at that position", async (t) => {
    const seq = await publisher.publish(message("here", "stays"));
    await publisher.publish(message("there", "another"));
    await eventually("projected", async () => (await clicker.page("/admin/messages?room=here")).includes(">stays"));
    const { last_seq } = (await publisher.jsm.streams.info("CHAT")).state;
    const { epoch } = publisher;
    for (const position of [`${epoch}.${seq}`, `${epoch}.0`, `${epoch}.${last_seq + 9}`, `0.${seq}`]) {
      await t.rejects(clicker.submit("/admin/messages/delete", { room: "there", position }), /: 404 /, position);
    }
    t.ok(await publisher.jsm.streams.getMessage("CHAT", { seq }), "the log still has it");
    t.equal((await publisher.jsm.streams.info("CHAT")).state.last_seq, last_seq);
  });

  t.test("deleting a message of an earlier epoch leaves the present message with the same sequence", async (t) => {
    const seq = await publisher.publish(message("two lives", "of now"));
    const old = { epoch: "0", seq };
    const _id = messageKey("two lives", old);
    const document = { _id, room: "two lives", user: "u", message: "of then", at: new Date().toISOString() };
    await inside.db.collection<{ _id: string }>("messages").insertOne(document);
    const shown = async () => [...(await clicker.page("/admin/messages?room=two+lives")).matchAll(/>of (then|now)</g)];
    await eventually("projected", async () => (await shown()).length === 2);
    await clicker.submit("/admin/messages/delete", { room: "two lives", position: `0.${seq}` });
    const { messages } = (await (await fetch(`${url}/v1/rooms/two%20lives/messages`)).json()) as { messages: object[] };
    t.match(messages, [{ epoch: "0", message: "", deleted: true }, { message: "of now" }]);
    t.ok(await publisher.jsm.streams.getMessage("CHAT", { seq }), "the log still has it");
  });

  t.test("people: banned, muted, and let off", async (t) => {
    await clicker.submit("/admin/people", { act: "ban", user: "민수", userId: "u-1", reason: "spam", hours: "2" });
    await clicker.submit("/admin/people", { act: "mute", user: "영희", room: "m", hours: "0" });
    const page = await clicker.page("/admin/people");
    for (const text of ["u-1", "spam", "until lifted", "everywhere"]) t.ok(page.includes(text), text);
    await clicker.submit("/admin/people", { act: "unban", user: "민수", userId: "u-1" });
    t.notOk((await clicker.page("/admin/people")).includes("spam"));
    for (const bad of [
      { act: "promote", user: "u" },
      { act: "ban" },
      { act: "ban", user: "u", hours: "x" },
      { act: "ban", user: "u", room: "a/b" },
    ]) {
      await t.rejects(clicker.submit("/admin/people", bad as never), /: 400 /);
    }
  });

  t.test("names and ids keep their white space, and ids their Unicode form", async (t) => {
    for (const user of ["bob", " bob"]) {
      await publisher.publish({ ...message("names", `by "${user}"`), user } as never);
    }
    const place = (user: string) => `/admin/messages?room=names&person=${encodeURIComponent(user)}`;
    const shown = async (user: string) => [...(await clicker.page(place(user))).matchAll(/by &quot;( ?bob)/g)].flat();
    await eventually("projected", async () => (await shown("bob")).length > 0 && (await shown(" bob")).length > 0);
    t.equal((await shown(" bob"))[1], " bob");
    const link = "/admin/people?user=%20bob&room=names";
    t.ok((await clicker.page(place(" bob"))).includes(link.replace("&", "&amp;")));
    t.match(await clicker.page(link), 'name="user" value=" bob"', "the link names the right person");
    await clicker.submit("/admin/people", { act: "mute", user: " bob", room: "names" });
    t.match(await clicker.page("/admin/people"), /<bdi> bob<\/bdi>/);
    await clicker.submit("/admin/people", { act: "unmute", user: " bob", room: "names" });

    const long = "x".repeat(200);
    await clicker.submit("/admin/people", { act: "ban", userId: long });
    t.ok((await clicker.page("/admin/people")).includes(long), "an id alone may be longer than a name");
    await clicker.submit("/admin/people", { act: "unban", userId: long });

    const apart = "e\u0301 1";
    await clicker.submit("/admin/people/erase", { user: "u", userId: apart, confirm: apart });
    await eventually("erased", async () => (await inside.dump("jobs")).every(({ done }) => done));
    await clicker.submit("/admin/people/erase", { user: " bob", confirm: " bob" });
    await eventually("erased", async () => (await inside.dump("jobs")).every(({ done }) => done));
    const kept = (await inside.dump("messages")).filter(({ room }) => room === "names").map(({ user }) => user);
    t.strictSame(kept, ["bob", "[erased]"]);
  });

  t.test("dead letters: list, retry, discard", async (t) => {
    await publisher.raw("chat.log.00.a", "this is <no> JSON");
    await publisher.raw("chat.log.00.b", "nor this");
    await eventually("dead", async () => (await inside.dump("dead_letters")).length === 2);
    t.ok((await clicker.page("/admin/dead-letters")).includes("this is &lt;no&gt; JSON"));
    const [first, second] = await inside.dump("dead_letters");
    t.match(await clicker.submit("/admin/dead-letters/retry", { id: first!["_id"] }), /stillDead$/);
    const good = { type: "message", room: "a", user: "u", message: "mended", at: new Date().toISOString() };
    await inside.db
      .collection("dead_letters")
      .updateOne({ _id: first!["_id"] }, { $set: { data: Buffer.from(JSON.stringify(good)) } });
    t.match(await clicker.submit("/admin/dead-letters/retry", { id: first!["_id"] }), /retried$/);
    await clicker.submit("/admin/dead-letters/discard", { id: second!["_id"] });
    t.strictSame(await inside.dump("dead_letters"), []);
    t.ok((await clicker.page("/admin/messages?room=a")).includes("mended"));
  });

  t.test("the overview counts edges, and the audit log has every act", async (t) => {
    const edge = await start("edge", { PERSISTENCE_URL: url });
    await eventually("the edge has reported", async () => /<dt>Edges<\/dt><dd>1</.test(await clicker.page("/admin/")));
    await edge.stop();
    const acts = (await inside.dump("audit")).map(({ act, state }) => `${act} ${state}`);
    for (const act of [
      "create room done",
      "room done",
      "delete message done",
      "ban done",
      "mute done",
      "unban done",
      "retry dead letter done",
      "discard dead letter done",
    ]) {
      t.ok(acts.includes(act), act);
    }
    t.ok((await clicker.page("/admin/audit")).includes("discard dead letter"));
    for (const secret of [TOKEN, "first (a+b)", "spam", "this is <no> JSON"]) {
      t.notOk(persistence.output().includes(secret), "the log has neither the token nor user input");
    }
  });
});
