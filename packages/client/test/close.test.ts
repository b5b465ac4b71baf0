import { CLOSE_CODES } from "@madang/protocol/browser";
import t, { type Test } from "tap";
import type { ClientEvents, MadangClient, MadangErrorCode } from "../src/index.ts";
import { errorFrame, inRoom, setup } from "./fakes.ts";

/** The close events of a client, in order. */
function closesOf(client: MadangClient): ClientEvents["close"][] {
  const closes: ClientEvents["close"][] = [];
  client.on("close", (close) => closes.push(close));
  return closes;
}

t.test("F7: the client reports the server's close code and reason, for every code of the table", async (t) => {
  const other = [1001, 1002, 1005, 1006, 1007, 1008, 1009, 1011, 2999, 3499, 3999, 4000, 4499, 4500];
  const codes = [...Object.values(CLOSE_CODES), ...other.map((code) => ({ code, reason: "" }))];
  const reconnecting = new Set([1001, 1005, 1006, 1012, 3005, 3012, 3013, 3014, 3499, 4000, 4499]);
  for (const { code, reason } of codes) {
    for (const isWelcomed of [true, false]) {
      const { client, clock, last } = setup();
      const closes = closesOf(client);
      client.connect();
      if (isWelcomed) last().accept();
      else last().open();
      last().drop(code, reason);
      t.match(closes, [{ code, reason, reconnecting: reconnecting.has(code) }], `${code}`);
      t.equal(closes.length, 1);
      client.close();
      t.equal(clock.timers, 0);
    }
  }
});

t.test("F7: a permanent close code stops the client and rejects pending sends", async (t) => {
  const { client, clock, room, last, sockets } = inRoom();
  const closes = closesOf(client);
  const send = room.send("hello");
  last().drop(3503, "removed by a moderator");
  await t.rejects(send, { name: "MadangError", code: "connection_refused", temporary: false, message: /3503/ });
  t.equal(client.state, "disconnected");
  t.match(closes, [{ code: 3503, reason: "removed by a moderator", error: { code: "connection_refused" } }]);
  await t.rejects(room.send("again"), { code: "connection_refused" });
  t.same(room.pending, []);
  t.equal(clock.timers, 0);

  client.connect();
  t.equal(sockets.length, 2, "connect() starts again");
  last().accept().joined("수다방").caughtUp("수다방", 0);
  void room.send("third");
  t.same(last().messages, ["third"]);
  client.close();
});

/** A server refuses the hello and closes with `sent`. Returns the close events and the state afterwards. */
async function refused(t: Test, error: MadangErrorCode, sent: number | undefined, token?: "fixed" | "function") {
  const source = token === "function" ? async () => "token" : token;
  const { client, clock, last } = setup(source === undefined ? {} : { token: source });
  const closes = closesOf(client);
  const send = client.join("a").send("hello");
  const outcome = send.catch(({ code }) => code);
  client.connect();
  await new Promise(setImmediate);
  const socket = last().open();
  socket.receive(errorFrame(error as "internal", false));
  t.same(closes, [], "the close frame has not come yet");
  if (sent === undefined) clock.advance(1000);
  else socket.drop(sent, "why");
  const { state } = client;
  client.close();
  t.equal(clock.timers, 0);
  return { state, close: closes[0], sendFailed: await outcome };
}

t.test("F1: after a refused hello, the client reports the code of the close frame that follows", async (t) => {
  for (const [error, code] of [
    ["unauthorized", 3500],
    ["unauthorized", 3005],
    ["not_allowed", 3503],
    ["bad_user", 3502],
    ["bad_frame", 3501],
  ] as const) {
    t.match(await refused(t, error, code, "fixed"), {
      state: "disconnected",
      close: { code, reason: "why", reconnecting: false, error: { code: error } },
      sendFailed: error,
    });
  }
});

t.test("F1: if the server does not close after a refused hello, the client does, after 1 s", async (t) => {
  for (const [error, code] of [
    ["bad_user", 3501],
    ["not_allowed", 3507],
    ["unauthorized", 3500],
  ] as const) {
    const close = { code, reason: error, reconnecting: false, error: { code: error } };
    t.match(await refused(t, error, undefined), { state: "disconnected", close, sendFailed: error });
    t.match(await refused(t, error, 1006), { close }, "the connection broke instead");
  }
});

t.test("F7: the close code decides on a refused token of a token function", async (t) => {
  for (const [code, reconnecting] of [
    [3500, false],
    [3005, true],
    [1006, true],
  ] as const) {
    t.match(await refused(t, "unauthorized", code, "function"), {
      state: reconnecting ? "connecting" : "disconnected",
      close: { code, reason: "why", reconnecting },
    });
  }
});
