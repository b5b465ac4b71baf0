import { readAuthSettings } from "@madang/auth";
import { HistoryPage, Room, RoomList } from "@madang/protocol";
import { SignJWT } from "jose";
import t from "tap";
import { openMongoStore } from "../src/mongo/store.ts";
import { Changes } from "../src/store/changes.ts";
import { ask, FLOOR, serve } from "./http-support.ts";
import { freshDatabase, lookInside, mongod, openStore, ROOMS } from "./support.ts";

const JWT_SECRET = "a secret of thirty-two bytes or more";

t.test("routes", async (t) => {
  const server = await mongod(t);
  const store = await openStore(t, freshDatabase(server));
  const app = await serve(t, store);

  t.test("rooms: created once, read, listed page by page", async (t) => {
    t.equal((await ask(app, "GET", "/v1/rooms/a", Room)).status, 404);
    t.match(await ask(app, "GET", "/v1/rooms/a/messages", HistoryPage), {
      status: 200,
      body: { room: "a", messages: [], foundOldest: true, foundNewest: true },
    });
    for (const room of ROOMS) {
      const url = `/v1/rooms/${encodeURIComponent(room)}`;
      t.equal((await ask(app, "PUT", url, Room)).status, 201, room);
      t.match(await ask(app, "PUT", url, Room, { payload: {} }), { status: 200, body: { room, topic: "", status: 0 } });
      t.match(await ask(app, "GET", url, Room), { status: 200, body: { room } });
      t.match(await ask(app, "GET", `${url}/messages`, HistoryPage), { status: 200, body: { room, messages: [] } });
    }
    t.match(await ask(app, "PUT", "/v1/rooms/cafe%CC%81", Room), { status: 201, body: { room: "café" } });
    const names: string[] = [];
    for (let after = ""; ; ) {
      const { body } = await ask(app, "GET", `/v1/rooms?limit=2${after}`, RoomList);
      names.push(...body.rooms.map(({ room }) => room));
      if (body.next === undefined) break;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    t.strictSame(names, ["a", "a b", "a|b", "café", "수다방"]);
  });

  t.test("an unknown query parameter is refused by name on every route", async (t) => {
    for (const [method, path] of [
      ["GET", "/v1/rooms"],
      ["GET", "/v1/rooms/a"],
      ["PUT", "/v1/rooms/a"],
      ["GET", "/v1/rooms/a/messages"],
    ] as const) {
      for (const query of ["verbose=1", "verbose", "Limit=2"]) {
        const answer = await ask(app, method, `${path}?${query}`, Room);
        const field = query.split("=")[0];
        t.match(answer, { status: 400, body: { code: "bad_request", field } }, `${method} ${path}?${query}`);
      }
    }
    t.equal((await ask(app, "GET", "/v1/rooms/a?", Room)).status, 200, "an empty query");
  });

  t.test("rooms without permission are skipped, and a page of many skipped rooms has a next page", async (t) => {
    const url = freshDatabase(server);
    const hidden = Array.from({ length: 10_600 }, (_, i) => `hidden ${String(i).padStart(5, "0")}`);
    const seen = ["seen 1", "seen 2", "seen 3", "seen 4"];
    const rooms = [...hidden, ...seen].map((_id) => ({ _id, createdAt: "2026" }));
    await lookInside(t, url).db.collection<{ _id: string }>("rooms").insertMany(rooms);
    const app = await serve(
      t,
      await openStore(t, url),
      true,
      readAuthSettings("127.0.0.1", { AUTH: "jwt", JWT_SECRET }),
    );
    const token = await new SignJWT({ sub: "u", rooms: [{ pattern: "seen *", can: ["read"] }] })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(JWT_SECRET));
    const list = async (after: string) => {
      const query = after === "" ? "" : `&after=${encodeURIComponent(after)}`;
      const headers = { authorization: `Bearer ${token}` };
      const { rooms, next } = (await ask(app, "GET", `/v1/rooms?limit=2${query}`, RoomList, { headers })).body;
      return { rooms: rooms.map(({ room }) => room), next };
    };
    const first = await list("");
    t.match(first, { rooms: [], next: /^hidden 09/ }, "a page reads a limited number of rooms");
    t.strictSame(await list(first.next!), { rooms: ["seen 1", "seen 2"], next: "seen 2" });
    t.strictSame(await list("seen 2"), { rooms: ["seen 3", "seen 4"], next: undefined });
  });

  t.test("messages, with edits and deletes", async (t) => {
    const changes = new Changes();
    const position = (seq: number) => ({ epoch: FLOOR.epoch, seq });
    for (const seq of [1, 2, 3, 8]) {
      changes.messages.push({
        room: "수다방",
        position: position(seq),
        user: "민수",
        message: `${seq}`,
        at: "2026",
        nonce: `${seq}`,
      });
    }
    changes.edits.push({ room: "수다방", target: position(2), seq: 4, message: "둘", at: "2027" });
    changes.deletes.push({ room: "수다방", target: position(3), seq: 5, at: "2027" });
    await store.write(changes);
    const url = `/v1/rooms/${encodeURIComponent("수다방")}/messages`;
    const { body } = await ask(app, "GET", url, HistoryPage);
    const positionText = (seq: number) => `${FLOOR.epoch}.${seq}`;
    const common = { epoch: FLOOR.epoch, user: "민수", at: "2026" };
    t.strictSame(body, {
      room: "수다방",
      epoch: FLOOR.epoch,
      messages: [
        { ...common, seq: 1, position: positionText(1), message: "1", nonce: "1" },
        { ...common, seq: 2, position: positionText(2), message: "둘", nonce: "2", editedAt: "2027" },
        { ...common, seq: 3, position: positionText(3), message: "", nonce: "3", deleted: true },
      ],
      foundOldest: true,
      foundNewest: true,
      position: positionText(7),
    });
    t.match(await ask(app, "GET", `${url}?around=${positionText(2)}&limit=1`, HistoryPage), {
      body: { messages: [{ seq: 2 }], foundOldest: false, foundNewest: false, position: positionText(2) },
    });
  });

  t.test("a room with a name that only earlier versions allowed is read, and not created", async (t) => {
    const room = "\u3164";
    const url = `/v1/rooms/${encodeURIComponent(room)}`;
    t.match(await ask(app, "PUT", url, Room), { status: 400, body: { code: "bad_room" } });
    t.equal((await ask(app, "GET", url, Room)).status, 404);
    const changes = new Changes();
    const at = new Date(0).toISOString();
    changes.messages.push({ room, position: { epoch: FLOOR.epoch, seq: 6 }, user: "민수", message: "there", at });
    await store.write(changes);
    await store.ensureRoom(room, at);
    t.match(await ask(app, "GET", url, Room), { status: 200, body: { room } });
    t.match(await ask(app, "PUT", url, Room), { status: 200, body: { room } });
    t.match(await ask(app, "GET", `${url}/messages`, HistoryPage), { body: { messages: [{ message: "there" }] } });
  });

  t.test("bad input gives a problem that names the field, never a 500", async (t) => {
    const cases: [string, string, string, string | undefined, object?][] = [
      ["GET", "/v1/rooms/%zz", "bad_request", undefined],
      ["GET", "/v1/rooms/%ff/messages", "bad_request", undefined],
      ["GET", "/v1/rooms/%E0%A4%A", "bad_request", undefined],
      ["GET", "/v1/rooms/a%2Fb", "bad_room", "room"],
      ["GET", "/v1/rooms/a%00b/messages", "bad_room", "room"],
      ["GET", "/v1/rooms/a%1Fb/messages", "bad_room", "room"],
      ["PUT", "/v1/rooms/%20", "bad_room", "room"],
      ["PUT", "/v1/rooms/%E2%80%8B", "bad_room", "room"],
      ["PUT", `/v1/rooms/${"%EC%88%98".repeat(101)}`, "bad_room", "room"],
      ["GET", `/v1/rooms/${"a".repeat(9000)}`, "bad_request", undefined],
      ["PUT", "/v1/rooms/a", "bad_request", "body", { payload: { topic: "x" } }],
      ["PUT", "/v1/rooms/a", "bad_json", undefined, { payload: "{", headers: { "content-type": "application/json" } }],
      [
        "PUT",
        "/v1/rooms/a",
        "unsupported_media_type",
        undefined,
        { payload: "<a/>", headers: { "content-type": "text/xml" } },
      ],
      ["GET", "/v1/rooms/a/messages?limit=0", "bad_request", "limit"],
      ["GET", "/v1/rooms/a/messages?limit=101", "bad_request", "limit"],
      ...["1.5", "1e1", "0x10", "+5", "%205", "5%20", "10.0", "-5", "", "%EF%BC%95"].flatMap((limit) =>
        ["/v1/rooms/a/messages", "/v1/rooms"].map((path): [string, string, string, string] => [
          "GET",
          `${path}?limit=${limit}`,
          "bad_request",
          "limit",
        ]),
      ),
      ["GET", "/v1/rooms/a/messages?limit=1&limit=2", "bad_request", "limit"],
      ["GET", "/v1/rooms/a/messages?before=a.1&after=a.2", "bad_request", "after"],
      ["GET", "/v1/rooms/a/messages?before=a.1&before=a.2", "bad_request", "before"],
      ["GET", "/v1/rooms/a/messages?around=%zz", "bad_position", "around"],
      ["GET", "/v1/rooms/a/messages?form=x", "bad_request", "form"],
      ["GET", "/v1/rooms?after=", "bad_request", "after"],
      ["GET", "/v1/rooms?limit=-1", "bad_request", "limit"],
    ];
    for (const [method, url, code, field, options] of cases) {
      const { status, body } = await ask(app, method as "GET", url, Room, options);
      t.ok(status >= 400 && status < 500, `${method} ${url.slice(0, 60)} → ${status}`);
      t.match({ code: body.code, field: body.field }, { code, field }, url.slice(0, 60));
    }
    for (const [method, url, allow] of [
      ["DELETE", "/v1/rooms", "GET, HEAD"],
      ["POST", "/v1/rooms/a", "GET, HEAD, PUT"],
      ["PUT", "/v1/rooms/a/messages", "GET, HEAD"],
      ["PUT", "/docs/json", "GET, HEAD"],
      ["PATCH", "/readyz", "GET, HEAD"],
    ] as const) {
      const { statusCode, headers, body } = await app.inject({
        method,
        url,
        payload: "<",
        headers: { "content-type": "a/b" },
      });
      t.match([statusCode, headers.allow], [405, allow], `${method} ${url}`);
      t.match(JSON.parse(body), { code: "bad_request", status: 405 });
    }
    t.match(await ask(app, "GET", "/nothing", Room), { status: 404, body: { code: "not_found" } });
  });

  t.test("without MongoDB the service is not ready, and answers 503 with Retry-After", async (t) => {
    const gone = openMongoStore("mongodb://127.0.0.1:9/madang");
    t.teardown(() => gone.close());
    const app = await serve(t, gone, false);
    t.equal((await app.inject("/livez")).statusCode, 200);
    const ready = await app.inject("/readyz");
    t.equal(ready.statusCode, 503);
    t.strictSame(Object.keys(ready.json().missing), ["mongodb", "nats"]);
    for (const url of ["/v1/rooms", "/v1/rooms/a", "/v1/rooms/a/messages"]) {
      const response = await app.inject(url);
      t.equal(response.statusCode, 503, url);
      t.equal(response.json().code, "history_unavailable");
      t.equal(response.headers["retry-after"], "1");
    }
  });
});
