import type { UpFrame } from "@madang/protocol/browser";
import t from "tap";
import { type MadangError, StopError } from "../src/index.ts";
import { errorFrame, type FakeSocket, inRoom, setup } from "./fakes.ts";

const turn = () => new Promise(setImmediate);
const refreshes = ({ sent }: FakeSocket) => sent.filter((frame: UpFrame) => frame.type === "refresh");
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const jwt = (exp: number, name = "민수") => `${base64url({ alg: "HS256" })}.${base64url({ exp, name })}.signature`;

t.test("F5: refresh sends a new token on the live connection and resolves on welcome", async (t) => {
  let calls = 0;
  const { client, last, sockets } = setup({ token: () => `token ${++calls}` });
  const room = client.join("a");
  client.connect();
  await turn();
  last().accept().joined("a");
  const send = room.send("pending all along");
  let done = false;
  const refreshed = client.refresh().then(() => {
    done = true;
  });
  await turn();
  t.same(refreshes(last()), [{ type: "refresh", token: "token 2" }]);
  t.notOk(done);
  last().accept("new name", 3);
  await refreshed;
  t.equal(client.user, "new name");
  t.equal(client.state, "connected");
  for (const name of ["b", "c"]) client.join(name);
  t.throws(() => client.join("d"), { code: "too_many_rooms" }, "the new welcome's limits hold");
  last().ack("a", room.pending[0]!.nonce);
  await send;
  t.equal(sockets.length, 1);
  client.close();
});

t.test("a token that refresh is given replaces a fixed one, also for later connections", async (t) => {
  const { client, clock, last } = setup({ token: "old" });
  client.connect();
  last().accept();
  const refreshed = client.refresh("new");
  await turn();
  t.same(refreshes(last()), [{ type: "refresh", token: "new" }]);
  last().accept();
  await refreshed;
  last().drop();
  clock.advance(500);
  last().open();
  t.match(last().sent[0], { type: "hello", token: "new" });
  client.close();
});

t.test("refreshes go out one at a time; an error rejects the one that it answers", async (t) => {
  const { client, last, room } = inRoom();
  client.on("error", () => t.fail("the promise has the error"));
  const outcomes = ["one", "two", "three"].map((token) =>
    client.refresh(token).then(
      () => "fine",
      ({ code }) => code,
    ),
  );
  await turn();
  t.equal(refreshes(last()).length, 1);
  last().receive(errorFrame("not_allowed", false, "another room"), errorFrame("not_joined", false));
  last().accept();
  t.equal(refreshes(last()).length, 2);
  last().receive(errorFrame("rate_limited", true));
  last().accept();
  t.same(await Promise.all(outcomes), ["fine", "rate_limited", "fine"]);
  t.equal(room.state, "joined");
  client.close();
});

t.test("F5: after an invalid token the server closes, and the client reports both", async (t) => {
  const { client, last } = inRoom();
  const closes: object[] = [];
  client.on("close", (close) => closes.push(close));
  const refreshed = client.refresh("forged");
  await turn();
  last().receive(errorFrame("unauthorized", false));
  await t.rejects(refreshed, { code: "unauthorized" });
  last().drop(3500, "invalid token");
  t.match(closes, [{ code: 3500, reason: "invalid token", reconnecting: false }]);
});

t.test("a refresh waits for a connection, and survives the loss of one", async (t) => {
  const { client, clock, last } = setup();
  client.connect();
  const refreshed = client.refresh("new");
  await turn();
  last().accept();
  t.equal(refreshes(last()).length, 1);
  last().drop();
  clock.advance(500);
  t.equal(refreshes(last().accept()).length, 1);
  last().accept();
  await refreshed;
  client.close();
  t.equal(clock.timers, 0);
});

t.test(
  "refresh rejects without a connection to come, without a token, and when its token function fails",
  async (t) => {
    const { client } = setup();
    const before = client.refresh("waits, like a send");
    client.close();
    await t.rejects(before, { code: "client_closed" });
    await t.rejects(client.refresh("late"), { code: "client_closed" });
    const plain = inRoom();
    await t.rejects(plain.client.refresh(), { name: "TypeError", message: /token function/ });
    await t.rejects(plain.client.refresh(7 as never), { name: "TypeError", message: /must be a string/ });
    plain.client.close();

    const failure = new Error("away");
    let fail: Error | undefined;
    const token = () => {
      if (fail) throw fail;
      return "good";
    };
    const all = setup({ token });
    all.client.connect();
    await turn();
    all.last().accept();
    fail = failure;
    await t.rejects(all.client.refresh(), { code: "token_failed", cause: failure });
    t.equal(all.client.state, "connected");
    fail = new StopError("signed out");
    await t.rejects(all.client.refresh(), { code: "token_stopped", message: "signed out" });
    t.equal(all.client.state, "disconnected");
    t.ok(all.last().closed);
  },
);

/** A connected client with a token function, whose tokens live for an hour. */
async function withHourlyTokens(fail: () => Error | undefined = () => undefined) {
  let calls = 0;
  const all = setup({
    token: () => {
      const failure = fail();
      if (failure) throw failure;
      return jwt(all.clock.now() / 1000 + 3600, `민수 ${++calls}`);
    },
  });
  all.client.connect();
  await turn();
  all.last().accept();
  return all;
}

t.test(
  "the client refreshes a JWT of its token function before it expires, after 80 % to 90 % of its life",
  async (t) => {
    const { client, clock, last, sockets } = await withHourlyTokens();
    for (let times = 1; times < 4; times++) {
      // The fake's randomness is 1: 90 %. The clock also has the 35 s of silence, which the probe answers.
      for (let minute = 0; minute < 54; minute++) {
        t.equal(refreshes(last()).length, times - 1, `minute ${minute}`);
        clock.advance(30_000);
        last().receive(errorFrame("not_joined", false));
        clock.advance(30_000);
        last().receive(errorFrame("not_joined", false));
      }
      await turn();
      t.equal(refreshes(last()).length, times);
      last().accept();
    }
    t.equal(sockets.length, 1);
    client.close();
    t.equal(clock.timers, 0);
  },
);

t.test("an automatic refresh that fails emits an error and is repeated in the rest of the token's life", async (t) => {
  let failure: Error | undefined;
  const { client, clock, last } = await withHourlyTokens(() => failure);
  const errors: MadangError[] = [];
  client.on("error", (error) => errors.push(error));
  failure = new Error("away");
  const advance = async (ms: number) => {
    for (let at = 0; at < ms; at += 30_000) {
      clock.advance(Math.min(30_000, ms - at));
      last().receive(errorFrame("not_joined", false));
      await turn();
    }
  };
  await advance(3_240_000);
  t.match(errors, [{ code: "token_failed", cause: failure }]);
  await advance(324_000);
  t.equal(errors.length, 2);
  failure = undefined;
  await advance(33_000);
  t.equal(refreshes(last()).length, 1);
  client.close();
  t.equal(clock.timers, 0);
});

t.test("no automatic refresh: fixed tokens, tokens without exp, expired tokens, servers without tokens", async (t) => {
  const now = 1_700_000_000;
  const tokens = [jwt(now + 100), () => "opaque", () => "a.b.c", () => jwt(now - 1), () => jwt("soon" as never)];
  for (const token of tokens) {
    const { client, clock, last } = setup({ token });
    client.connect();
    await turn();
    last().accept();
    t.equal(clock.timers, 1, "the liveness check only");
    client.close();
  }
  const { client, clock, last } = setup({ token: () => jwt(now + 20) });
  client.on("error", () => t.fail("no news"));
  client.connect();
  await turn();
  last().accept();
  clock.advance(18_000);
  await turn();
  last().receive(errorFrame("not_allowed", false));
  await turn();
  t.equal(clock.timers, 1);
  client.close();
});
