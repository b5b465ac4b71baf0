import t from "tap";
import { type ClientState, MadangClient, MadangError } from "../src/index.ts";
import { errorFrame, inRoom, setup } from "./fakes.ts";

t.test("F1: one hello carries user, token and every room; the client is connected after the welcome", async (t) => {
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

t.test("an invalid welcome is a failed attempt", async (t) => {
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
});

t.test("F2: after a reconnect, the hello resumes each room after its last event", async (t) => {
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

t.test("the backoff grows with each attempt and is reset by a connection that lasted 2 s", async (t) => {
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
  t.equal(clock.next, 20_000, "a welcome alone does not reset it");
  clock.advance(20_000);
  last().accept();
  clock.advance(2000);
  last().drop();
  t.equal(clock.next, 500);
  client.close();
  t.equal(clock.timers, 0);
});

t.test("F7: a drain's delay applies to the next attempt only", async (t) => {
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
  t.equal(client.state, "connecting", "the client ignores the abandoned connection");
  last().accept();
  t.equal(client.state, "connected");
  client.close();
});

t.test("without a WebSocket the constructor throws", async (t) => {
  const { WebSocket } = globalThis;
  t.teardown(() => Object.assign(globalThis, { WebSocket }));
  Reflect.deleteProperty(globalThis, "WebSocket");
  t.throws(() => new MadangClient({ url: "ws://a/ws" }), { name: "TypeError", message: /Use Node 22 or later/ });
});

t.test("a transport that throws is a failed attempt", async (t) => {
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

t.test("close leaves no timer and no socket, at any moment", async (t) => {
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

t.test("close rejects pending sends", async (t) => {
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

t.test("F6: the client probes a silent connection, and reconnects without an answer", async (t) => {
  const { client, clock, last, sockets, socket } = inRoom();
  clock.advance(34_999);
  t.notMatch(last().sent.at(-1), { type: "leave" });
  clock.advance(1);
  t.match(last().sent.at(-1), { type: "leave", room: "/" });
  client.on("error", () => t.fail("the answer to a probe is not an error"));
  last().receive(errorFrame("bad_room", false, "/"));
  clock.advance(34_999);
  t.equal(last().sent.filter(({ type }) => type === "leave").length, 1, "any frame counts as an answer");
  clock.advance(1 + 9_999);
  t.notOk(socket.closed);
  clock.advance(1);
  t.ok(socket.closed);
  clock.advance(500);
  t.equal(sockets.length, 2);
  client.close();
});

t.test("F6: the client does not probe a connection with traffic", async (t) => {
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

t.test("errors without a room or a send reach the client; it ignores invalid frames", async (t) => {
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

t.test("MadangError accepts a code of a newer server", async (t) => {
  const error = new MadangError("brand_new" as "internal");
  t.match(error, { code: "brand_new", temporary: false, message: "brand_new" });
});
