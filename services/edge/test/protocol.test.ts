import { request } from "node:http";
import { eventually, full, HttpClient, natsFor, WireClient } from "@madang/test-kit";
import t from "tap";
import { edgeFor, plainMember } from "./support.ts";

t.test("P1 plain members chat, across two edges and with the full protocol", async (t) => {
  const nats = await natsFor(t);
  const [a, b] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const [here, there] = [await plainMember(t, a, "수다방"), await plainMember(t, b, "수다방")];
  const member = await full(t, b, "영희", ["수다방"]);
  await member.next("caughtUp");
  here.send({ message: "안녕", user: "민수" });
  const seen = await there.next("message");
  t.match(seen, { message: "안녕", user: "민수", type: "message", room: "수다방", seq: Number, epoch: a.log.epoch });
  t.same(await here.next("message"), seen);
  t.same(await member.next("message"), seen);
  await member.say("수다방", "반가워");
  t.match(await here.next("message", { user: "영희" }), { message: "반가워" });
  t.equal(here.frames.length, 2, "plain members receive messages only");
});

t.test("P1 a client is a member once its handshake completes, also of an empty room and on any edge", async (t) => {
  const nats = await natsFor(t);
  const [a, b] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  for (let n = 0; n < 20; n++) {
    const members = [a, b].map(({ port }) => new WireClient(`ws://127.0.0.1:${port}/ws/chat/fresh${n}/`, []));
    const [sender, other] = members as [WireClient, WireClient];
    sender.ws.once("open", () => other.ws.readyState === 1 && sender.send({ message: "hi", user: "u" }));
    other.ws.once("open", () => sender.ws.readyState === 1 && sender.send({ message: "hi", user: "u" }));
    for (const member of members) await member.next("message", undefined, 2000);
    for (const member of members) member.ws.terminate();
  }
});

t.test("F3 a message sent right behind a join follows its answer, and reaches the sender", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  for (let n = 0; n < 20; n++) {
    const client = await full(t, edge);
    const room = `fresh${n}`;
    client.send({ type: "hello", join: [{ room }] });
    client.post(room, "x", "n");
    const { seq } = await client.next("message", undefined, 2000);
    await client.next("ack");
    t.ok(Number(client.of("joined")[0].position.split(".")[1]) < seq);
    t.ok(
      client.frames.findIndex(({ type }) => type === "joined") < client.frames.findIndex(({ type }) => type === "ack"),
    );
    client.join(`left${n}`);
    client.post(`left${n}`, "y", "m");
    client.send({ type: "leave", room: `left${n}` });
    await client.next("ack", { nonce: "m" });
    client.ws.terminate();
  }
});

t.test("P2 errors reach a plain client as messages of the system, and the connection stays open", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = await plainMember(t, edge, "a");
  const neighbour = await plainMember(t, edge, "a");
  const bad: [unknown, string][] = [
    ["{", "bad_json"],
    ["[]", "bad_frame"],
    [{ message: "x" }, "bad_frame"],
    [{ message: 7, user: "u" }, "bad_frame"],
    [{ message: " ", user: "u" }, "empty_text"],
    [{ message: "\u200b\u2060 \u00ad", user: "u" }, "empty_text"],
    [{ message: "x", user: "\u200b" }, "bad_user"],
    [{ message: "x".repeat(4001), user: "u" }, "text_too_long"],
    [{ message: "x", user: "" }, "bad_user"],
    [{ message: "x", user: "a\nb" }, "bad_user"],
  ];
  for (const [frame, code] of bad) {
    client.frames.length = 0;
    client.send(frame);
    t.match(await client.next("error"), { user: "system", code, message: String }, code);
  }
  client.ws.send(Buffer.from("{}"), { binary: true });
  await client.next("error", { code: "binary_frame" });
  client.send({ message: "still here", user: "u" });
  await client.next("message");
  await neighbour.next("message");
  t.equal(neighbour.frames.length, 1, "other members are not affected");
});

t.test("P1 ?after= replays from a position, each message once", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const first = await plainMember(t, edge, "a");
  for (let n = 0; n < 5; n++) first.send({ message: `m${n}`, user: "u" });
  await first.next("message", { message: "m4" });
  const from = first.of("message")[1];
  const second = await plainMember(t, edge, "a", `?after=${from.epoch}.${from.seq}`);
  await second.next("message", { message: "m4" });
  t.same(second.texts, ["m2", "m3", "m4"]);
  const foreign = await plainMember(t, edge, "a", "?after=zzz.1");
  t.match(await foreign.next("error"), { code: "position_lost" });
  const nonsense = await plainMember(t, edge, "a", "?after=nonsense");
  t.match(await nonsense.next("error"), { code: "bad_position" });
});

t.test("a bad room name in the URL gets an error and closes 3501", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = new WireClient(`ws://127.0.0.1:${edge.port}/ws/chat/${"x".repeat(101)}/`, []);
  t.match(await client.closing(), { code: 3501 });
  t.match(client.frames, [{ type: "error", code: "bad_room" }]);
});

t.test(
  "a room with a name that only earlier versions allowed can be joined and left, and takes no message",
  async (t) => {
    const edge = await edgeFor(t, await natsFor(t));
    const room = "\u3164";
    const reader = await plainMember(t, edge, room);
    const member = await full(t, edge, "영희", [room]);
    await member.next("caughtUp");
    reader.send({ message: "x", user: "민수" });
    t.match(await reader.next("error"), { code: "bad_room" });
    member.send({ type: "message", room, message: "x", nonce: "n" });
    t.match(await member.next("error"), { code: "bad_room" });
    member.send({ type: "leave", room });
    await member.next("left");
  },
);

t.test("F1 hello comes first, once; then welcome", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = await full(t, edge);
  client.join("a");
  t.match(await client.next("error"), { code: "bad_frame", field: "type" });
  client.send({ type: "hello", user: "민수", join: [{ room: "a" }, { room: "b/c" }] });
  t.match(await client.next("welcome"), {
    connection: String,
    user: "민수",
    ping: 25,
    limits: { rooms: 128, text: 4000, frame: 65536 },
  });
  t.match(await client.next("joined"), {
    room: "a",
    epoch: edge.log.epoch,
    position: `${edge.log.epoch}.0`,
    recovered: true,
  });
  t.match(await client.next("error", { code: "bad_room" }), { room: "b/c" });
  client.frames.length = 0;
  client.send({ type: "hello", user: "again" });
  t.match(await client.next("error"), { code: "bad_frame" });
});

t.test("F2 a join from a position gives joined, the missed events, caughtUp, and live events, each once", async (t) => {
  const nats = await natsFor(t);
  const [a, b] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const speaker = await full(t, a, "s", ["a"]);
  await speaker.next("caughtUp");
  const acks = [];
  for (let n = 0; n < 700; n++) acks.push(speaker.say("a", `m${n}`));
  const third = await acks[2];
  // Both join while messages keep arriving. The ring of the other edge is empty.
  const late = await full(t, b, "l", [{ room: "a", after: `${third.epoch}.${third.seq}` }]);
  const same = await full(t, a, "l", [{ room: "a", after: `${third.epoch}.${third.seq}` }]);
  await Promise.all(acks);
  for (const client of [late, same]) {
    await client.next("message", { message: "m699" });
    t.same(
      client.texts,
      Array.from({ length: 697 }, (_, n) => `m${n + 3}`),
    );
    t.equal(client.frames[1].type, "joined");
    t.equal(client.frames[1].recovered, true);
    t.equal(client.of("caughtUp").length, 1);
  }
});

t.test("F2 a join from an unknown position gives recovered false, then live events", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const speaker = await full(t, edge, "s", ["a"]);
  const { epoch, seq } = await speaker.say("a", "one");
  for (const after of [`0zzz.${seq}`, `${epoch}.${seq + 1000}`]) {
    const client = await full(t, edge, "c", [{ room: "a", after }]);
    t.match(await client.next("joined"), { recovered: false, position: `${epoch}.${seq}` });
    await client.next("caughtUp");
    t.equal(client.of("message").length, 0);
  }
  const client = await full(t, edge, "c");
  client.join("a", "nonsense");
  t.match(await client.next("error"), { code: "bad_position", room: "a" });
});

t.test("F3 a message is stored and acknowledged once per nonce, and errors name the nonce", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = await full(t, edge, "민수", ["a"]);
  const ack = await client.say("a", "hello", "n1");
  t.match(ack, { room: "a", seq: 1, epoch: edge.log.epoch, duplicate: false });
  t.match(await client.next("message"), { nonce: "n1", message: "hello", seq: 1 });
  client.frames.length = 0;
  t.match(await client.say("a", "hello", "n1"), { seq: 1, duplicate: true });
  client.post("elsewhere", "x", "n2");
  t.match(await client.next("error"), { code: "not_joined", nonce: "n2", temporary: false });
  client.post("a", "", "n3");
  t.match(await client.next("error", { nonce: "n3" }), { code: "empty_text" });
  const other = await full(t, edge, "영희", ["a"]);
  t.match(
    await other.say("a", "hello", "n1"),
    { seq: 2, duplicate: false },
    "the nonce of another user is another message",
  );
});

t.test("F3, F5 an error names room and nonce as the frame had them, even invalid ones", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = await full(t, edge, "c", ["a"]);
  const said = { type: "message", room: "a", message: "x", nonce: "n" };
  for (const [frame, about] of [
    [
      { ...said, replyTo: 0 },
      { code: "bad_frame", field: "replyTo", room: "a", nonce: "n" },
    ],
    [
      // A number that JSON.parse would round.
      JSON.stringify({ ...said, replyTo: 0 }).replace(":0", ":9007199254740993"),
      { code: "bad_frame", field: "replyTo", room: "a", nonce: "n" },
    ],
    [
      { ...said, message: 7 },
      { code: "bad_frame", field: "message", room: "a", nonce: "n" },
    ],
    [
      { ...said, room: undefined },
      { code: "bad_frame", field: "room", nonce: "n" },
    ],
    [
      { ...said, nonce: "\ud800" },
      { code: "bad_frame", field: "nonce", room: "a", nonce: "\ud800" },
    ],
    [
      { ...said, message: "" },
      { code: "empty_text", room: "a", nonce: "n" },
    ],
    [
      { ...said, message: "\u200d" },
      { code: "empty_text", room: "a", nonce: "n" },
    ],
    [
      { type: "join", room: "b", after: 7 },
      { code: "bad_frame", field: "after", room: "b" },
    ],
    [
      { ...said, type: "Message" },
      { code: "bad_frame", field: "type", room: "a", nonce: "n" },
    ],
    [
      { type: "leave", room: "b" },
      { code: "not_joined", room: "b" },
    ],
    [
      { type: "leave", room: "x".repeat(5000) },
      { code: "bad_room", room: "x".repeat(200) },
    ],
  ] as const) {
    client.frames.length = 0;
    client.send(frame);
    t.match(await client.next("error"), about);
  }
});

t.test("F5 a connection joins at most 128 rooms, and may leave one for another", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const join = Array.from({ length: 129 }, (_, n) => ({ room: `r${n}` }));
  const client = await full(t, edge, "c", join);
  t.match(await client.next("error"), { code: "too_many_rooms", room: "r128" });
  client.send({ type: "leave", room: "r0" });
  t.match(await client.next("left"), { room: "r0" });
  client.send({ type: "leave", room: "r0" });
  await client.next("error", { code: "not_joined" });
  client.join("r128");
  await client.next("joined", { room: "r128" });
});

t.test("F6 a frame over 64 KiB closes 1009, invalid UTF-8 closes 1007", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const big = await full(t, edge, "c");
  big.send("x".repeat(65 * 1024));
  t.match(await big.closing(), { code: 1009 });
  const broken = await full(t, edge, "c");
  broken.ws.send(Buffer.from([0xff, 0xfe]), { binary: false });
  t.match(await broken.closing(), { code: 1007 });
  const none = await full(t, edge, "c");
  none.ws.close(1000);
  await eventually(() => edge.sessions.size === 0);
});

t.test("/ws without the subprotocol gets an error that names the subprotocol", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = new WireClient(`ws://127.0.0.1:${edge.port}/ws`, []);
  t.match(await client.closing(), { code: 3501 });
  t.match(client.frames[0], { code: "bad_request", message: /madang\.v1/ });
});

t.test("F3 an Idempotency-Key equals the nonce of a socket, in any script", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const client = await full(t, edge, "봇", ["a"]);
  const post = (keys: string[]) =>
    new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
      const outgoing = request({
        port: edge.port,
        method: "POST",
        path: "/v1/rooms/a/messages",
        headers: { "content-type": "application/json", "idempotency-key": keys },
      });
      outgoing.on("error", reject).on("response", async (response) => {
        const body = JSON.parse(Buffer.concat(await response.toArray()).toString());
        resolve({ status: response.statusCode!, body });
      });
      // A Buffer, because with a string Node.js would encode the head as UTF-8 too.
      outgoing.end(Buffer.from(JSON.stringify({ message: "삐빅", user: "봇" })));
    });
  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  for (const nonce of ["k", "키-1", "é", "👍".repeat(128)]) {
    const { seq } = await client.say("a", "삐빅", nonce);
    t.match(await post([bytes(nonce)]), { status: 200, body: { seq, duplicate: true } }, nonce);
  }
  for (const keys of [["a1", "b1"], ["\xe9"], [bytes("👍".repeat(129))], [""]]) {
    t.match(await post(keys), { status: 400, body: { code: "bad_request", field: "idempotency-key" } });
  }
});

t.test("POST /v1/rooms/:room/messages stores once per Idempotency-Key", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const member = await plainMember(t, edge, "봇방");
  const http = new HttpClient(edge);
  const post = (body: object, headers: Record<string, string> = {}) => http.post("봇방", body, headers);
  const first = await post({ message: "삐빅", user: "봇" }, { "idempotency-key": "k1" });
  t.equal(first.status, 201);
  t.match(first.body, { seq: 1, duplicate: false, position: `${edge.log.epoch}.1` });
  const second = await post({ message: "삐빅", user: "봇" }, { "idempotency-key": "k1" });
  t.match(second, { status: 200, body: { seq: 1, duplicate: true } });
  t.match(await member.next("message"), { user: "봇", message: "삐빅" });
  for (const [body, field] of [
    [{}, "message"],
    [{ message: 1 }, "message"],
    [{ message: " " }, "message"],
    [{ message: "\u200b\ufeff" }, "message"],
    [{ message: "x", user: "\u2060" }, "user"],
    [{ message: "x", nope: 1 }, "nope"],
    [{ message: "x", replyTo: 2 ** 53 }, "replyTo"],
  ] as const) {
    const response = await post(body);
    t.match(response.headers.get("content-type"), /^application\/problem\+json/);
    t.match(response.body, { field, status: 400, code: String });
  }
});

t.test("POST /v1/rooms/:room/messages accepts JSON in UTF-8, and no other encoding", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const url = `http://127.0.0.1:${edge.port}/v1/rooms/a/messages`;
  for (const [coding, status] of [
    ["gzip", 415],
    ["identity, br", 415],
    ["Identity", 201],
  ] as const) {
    const headers = { "content-type": "application/json", "content-encoding": coding };
    const response = await fetch(url, { method: "POST", headers, body: '{"message":"x"}' });
    t.match([response.status, response.headers.get("accept-encoding")], [status, status === 415 ? "identity" : null]);
  }
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body: '{"message":"x"}' };
  t.match(await (await fetch(`${url}?user=me`, sent)).json(), { status: 400, code: "bad_request", field: "user" });
  for (const [type, body, status] of [
    ["text/plain", Buffer.from('{"message":"x"}'), 415],
    ["application/json", Buffer.from('{"message":"\xe9"}', "latin1"), 400],
    ["application/json; charset=utf-8", Buffer.from('\ufeff{"message":"é"}'), 201],
  ] as const) {
    const response = await fetch(url, { method: "POST", headers: { "content-type": type }, body });
    t.match(
      await response.json(),
      status < 400 ? { seq: 2 } : { status, code: status === 415 ? "unsupported_media_type" : "bad_request" },
      `${type} ${body}`,
    );
  }
});
