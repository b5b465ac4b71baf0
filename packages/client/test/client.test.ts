import t from "tap";
import { type ClientState, MadangClient, MadangError } from "../src/index.ts";
import { errorFrame, inRoom, setup } from "./fakes.ts";

t.test("F1: one hello carries user, token and every room; connected means welcomed", async (t) => {
  const { client, last } = setup({ token: "secret" });
  const states: ClientState[] = [];
  client.on("state", (state) => states.push(state));
  client.join("수다방", { after: "e1.41" });
  client.join("cafe");
  client.connect();
  client.connect();
  t.same(last().sent, [], "nothing before the transport is open");
  last().open();
  t.same(last().sent, [
    {
      type: "hello",
      user: "민수",
      token: "secret",
      join: [{ room: "수다방", after: "e1.41" }, { room: "cafe" }],
    },
  ]);
  t.same(states, ["connecting"]);
  last().accept("민수 (2)");
  t.same(states, ["connecting", "connected"]);
  t.equal(client.user, "민수 (2)");
  client.close();
  t.same(states, ["connecting", "connected", "disconnected"]);
});

t.test(
  "what is no welcome of this protocol is a failed attempt: nothing is thrown, and no timer runs away",
  async (t) => {
    const limits = { rooms: 128, text: 4000, frame: 65536 };
    for (const wrong of [{}, { ping: 25 }, { ping: 25, limits: {} }, { ping: "x", limits }, { ping: 1e12, limits }]) {
      const { client, clock, sockets, last } = setup();
      const closes: unknown[] = [];
      client.on("close", (how) => closes.push(how));
      client.connect();
      last()
        .open()
        .receive({ type: "welcome", connection: "c", user: "민수", ...wrong } as never);
      t.equal(client.state, "connecting");
      t.match(closes, [{ code: 1006, reason: /welcome/, reconnecting: true }]);
      t.equal(clock.timers, 1, "the next attempt");
      clock.advance(500);
      last().accept();
      t.match([client.state, sockets.length], ["connected", 2]);
      client.close();
    }
  },
);

t.test("F2: after a reconnect the hello resumes each room after the last event seen", async (t) => {
  const { client, clock, sockets, last } = setup();
  const room = client.join("수다방");
  client.join("cafe");
  client.connect();
  last().accept().joined("수다방", 40).caughtUp("수다방", 40).joined("cafe", 7).caughtUp("cafe", 7);
  last().message("수다방", 44).message("수다방", 45);
  t.equal(room.position, "e1.45");
  last().drop();
  t.equal(client.state, "connecting");
  clock.advance(500);
  t.equal(sockets.length, 2);
  last().open();
  t.match(last().sent[0], {
    join: [
      { room: "수다방", after: "e1.45" },
      { room: "cafe", after: "e1.7" },
    ],
  });
  client.close();
});

t.test("back-off grows by attempt and begins anew after a connection that lived", async (t) => {
  const { client, clock, last } = setup();
  client.connect();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    last().drop();
    waits.push(clock.next);
    clock.advance(clock.next);
  }
  t.same(waits, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  last().accept();
  clock.advance(1999);
  last().drop();
  t.equal(clock.next, 20_000, "a welcome alone proves nothing");
  clock.advance(20_000);
  last().accept();
  clock.advance(2000);
  last().drop();
  t.equal(clock.next, 500);
  client.close();
  t.equal(clock.timers, 0);
});

t.test("F7: a drain's hint is the first delay after 1012, and only that", async (t) => {
  const { client, clock, last } = inRoom();
  const closes: object[] = [];
  client.on("close", (close) => closes.push(close));
  last().receive({ type: "drain", reconnectAfter: 3210 });
  last().drop(1012, "drain");
  t.equal(clock.next, 3210);
  clock.advance(3210);
  last().drop();
  t.equal(clock.next, 1000);
  t.same(closes, [
    { code: 1012, reason: "drain", reconnecting: true },
    { code: 1006, reason: "", reconnecting: true },
  ]);
  client.close();
});

t.test("F7: a permanent close stops, rejects what is pending and says so", async (t) => {
  const { client, clock, room, last, sockets } = inRoom();
  const closes: object[] = [];
  client.on("close", (close) => closes.push(close));
  const send = room.send("hello");
  last().drop(3503, "removed by a moderator");
  await t.rejects(send, { name: "MadangError", code: "connection_refused", temporary: false, message: /3503/ });
  t.equal(client.state, "disconnected");
  t.same(closes, [{ code: 3503, reason: "removed by a moderator", reconnecting: false }]);
  await t.rejects(room.send("again"), { code: "connection_refused" });
  t.same(room.pending, []);
  t.equal(clock.timers, 0);

  client.connect();
  t.equal(sockets.length, 2, "asked for, it begins anew");
  last().accept().joined("수다방").caughtUp("수다방", 0);
  void room.send("third");
  t.same(last().messages, ["third"]);
  client.close();
});

t.test("an attempt without a welcome in 10 s is abandoned", async (t) => {
  const { client, clock, sockets, last } = setup();
  client.connect();
  last().open();
  clock.advance(9999);
  t.notOk(last().closed);
  clock.advance(1);
  t.ok(last().closed);
  clock.advance(500);
  t.equal(sockets.length, 2);
  sockets[0]!.accept();
  t.equal(client.state, "connecting", "what the abandoned one says counts no more");
  last().accept();
  t.equal(client.state, "connected");
  client.close();
});

t.test("a token source is asked for each connection; its failure is a failed attempt", async (t) => {
  let asked = 0;
  const token = async () => {
    if (++asked === 1) throw new Error("not yet");
    return `token ${asked}`;
  };
  const { client, clock, sockets, last } = setup({ token });
  const closed = new Promise((resolve) => client.on("close", resolve));
  client.connect();
  t.match(await closed, { code: 1006, reconnecting: true });
  t.equal(sockets.length, 0);
  clock.advance(500);
  await new Promise(setImmediate);
  last().open();
  t.match(last().sent[0], { token: "token 2" });
  client.close();
  t.equal(clock.timers, 0);
});

t.test("F7: of a token from a source that is refused the close code decides, of a fixed one the error", async (t) => {
  const attempt = async (token: string | (() => Promise<string>), code: number) => {
    const { client, clock, last } = setup({ token });
    const closes: object[] = [];
    client.on("close", (how) => closes.push(how));
    client.connect();
    await new Promise(setImmediate);
    const refused = last().open();
    refused.receive(errorFrame("unauthorized", false));
    if (!refused.closed) refused.drop(code);
    const { state } = client;
    client.close();
    t.equal(clock.timers, 0);
    return [state, closes[0]];
  };
  t.match(await attempt(async () => "expired", 3005), ["connecting", { code: 3005, reconnecting: true }]);
  t.match(await attempt(async () => "forged", 3500), ["disconnected", { code: 3500, reconnecting: false }]);
  t.match(await attempt("expired", 3005), ["disconnected", { reason: "unauthorized", reconnecting: false }]);
});

t.test("a token that comes after close opens nothing", async (t) => {
  const { client, sockets } = setup({ token: async () => "late" });
  client.connect();
  client.close();
  await new Promise(setImmediate);
  t.equal(sockets.length, 0);
});

t.test("without any WebSocket the client says so at once", async (t) => {
  const { WebSocket } = globalThis;
  t.teardown(() => Object.assign(globalThis, { WebSocket }));
  Reflect.deleteProperty(globalThis, "WebSocket");
  t.throws(() => new MadangClient({ url: "ws://a/ws" }), { name: "TypeError", message: /Node has one since 22/ });
});

t.test("a transport that cannot be made is a failed attempt", async (t) => {
  const { client, clock } = setup({
    transport: () => {
      throw new Error("blocked");
    },
  });
  const closes: object[] = [];
  client.on("close", (close) => closes.push(close));
  client.connect();
  t.same(closes, [{ code: 1006, reason: "blocked", reconnecting: true }]);
  client.close();
  t.equal(clock.timers, 0);
});

t.test("close leaves no timer and no socket, whenever it comes", async (t) => {
  const moments: ((all: ReturnType<typeof inRoom>) => void)[] = [
    () => {},
    ({ last }) => last().drop(),
    ({ room }) => void room.send("x").catch(() => {}),
    ({ room, last }) => {
      void room.send("x", { nonce: "n" }).catch(() => {});
      last().refuse("수다방", "n");
    },
    ({ clock }) => clock.advance(36_000),
    ({ clock, last }) => {
      last().drop();
      clock.advance(500);
    },
    ({ client, last }) => {
      client.join("b", { after: "e1.1" });
      last().joined("b", 5);
    },
    ({ client, last }) => {
      client.join("b");
      last().receive(errorFrame("log_unavailable", true, "b"));
    },
  ];
  for (const [i, moment] of moments.entries()) {
    const all = inRoom();
    moment(all);
    all.client.close();
    all.client.close();
    t.equal(all.clock.timers, 0, `moment ${i}`);
    t.equal(all.client.state, "disconnected");
  }
});

t.test("close rejects what is pending", async (t) => {
  const { client, room } = inRoom();
  const send = room.send("hello");
  client.close();
  await t.rejects(send, { code: "client_closed", temporary: true });
  await t.rejects(room.send("later"), { code: "client_closed" });
});

t.test("a listener may close the client at any event", async (t) => {
  for (const state of ["connecting", "connected"] as const) {
    const { client, clock, last, sockets } = setup();
    client.on("state", (now) => now === state && client.close());
    client.join("a");
    client.connect();
    if (sockets.length > 0) last().accept();
    t.equal(client.state, "disconnected");
    t.equal(clock.timers, 0);
  }
  const { client, clock, last } = inRoom();
  client.on("close", ({ reconnecting }) => reconnecting && client.close());
  last().drop();
  t.equal(clock.timers, 0);
});

t.test("F6: a silent connection is asked for a sign of life, and given up without one", async (t) => {
  const { client, clock, last, sockets, socket } = inRoom();
  clock.advance(34_999);
  t.notMatch(last().sent.at(-1), { type: "leave" });
  clock.advance(1);
  t.match(last().sent.at(-1), { type: "leave", room: "madang-sign-of-life" });
  client.on("error", () => t.fail("the answer is nobody's business"));
  last().receive(errorFrame("not_joined", false));
  clock.advance(34_999);
  t.equal(last().sent.filter(({ type }) => type === "leave").length, 1, "any frame counts as life");
  clock.advance(1 + 9_999);
  t.notOk(socket.closed);
  clock.advance(1);
  t.ok(socket.closed);
  clock.advance(500);
  t.equal(sockets.length, 2);
  client.close();
});

t.test("F6: traffic makes probing needless", async (t) => {
  const { client, clock, last } = inRoom();
  for (let seq = 1; seq < 20; seq++) {
    clock.advance(30_000);
    last().message("수다방", seq);
  }
  t.notOk(last().sent.some(({ type }) => type === "leave"));
  clock.advance(35_000);
  t.ok(
    last().sent.some(({ type }) => type === "leave"),
    "counted from the last frame",
  );
  client.close();
});

t.test("F1: a hello that is refused stops the client: the next one would be the same", async (t) => {
  const { client, clock, last } = setup({ user: "\u0000" });
  const told: unknown[] = [];
  client.on("error", ({ code }) => told.push(code));
  client.on("close", (close) => told.push(close));
  const send = client.join("a").send("hello");
  client.connect();
  last().open().receive(errorFrame("bad_user", false));
  await t.rejects(send, { code: "bad_user" });
  t.same(told, ["bad_user", { code: 3501, reason: "bad_user", reconnecting: false }]);
  t.equal(client.state, "disconnected");
  t.ok(last().closed);
  t.equal(clock.timers, 0);
});

t.test("errors of no room and no send reach the client; noise harms nothing", async (t) => {
  const { client, last, room } = inRoom();
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  const before = room.position;
  last().receive(errorFrame("bad_frame", false));
  for (const noise of ["", "null", "7", "{}", '{"type":7}', "not json", '{"type":"typing","room":"수다방"}']) {
    last().events.message(noise);
  }
  last().events.message('{"type":"read","room":"수다방","seq":99}');
  t.same(errors, ["bad_frame"]);
  t.equal(room.position, before, "a frame without a place in the log does not move the position");
  client.close();
});

t.test("MadangError copes with a code from a newer server", async (t) => {
  const error = new MadangError("brand_new" as "internal");
  t.match(error, { code: "brand_new", temporary: false, message: "brand_new" });
});
