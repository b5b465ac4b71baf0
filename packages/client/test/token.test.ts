import t from "tap";
import { type MadangError, StopError } from "../src/index.ts";
import { FakeStorage, setup } from "./fakes.ts";

const turn = () => new Promise(setImmediate);

t.test("the client calls a token function for each connection, synchronous or not", async (t) => {
  for (const isAsync of [false, true]) {
    let calls = 0;
    const next = () => `token ${++calls}`;
    const { client, clock, last } = setup({ token: isAsync ? async () => next() : next });
    client.connect();
    await turn();
    last().open();
    t.match(last().sent[0], { token: "token 1" });
    last().drop();
    clock.advance(500);
    await turn();
    last().open();
    t.match(last().sent[0], { token: "token 2" });
    client.close();
    t.equal(clock.timers, 0);
  }
});

t.test("a token function that fails emits an error with its cause, and the client retries with backoff", async (t) => {
  const failure = new Error("the sign-in server is away");
  for (const fail of [
    () => {
      throw failure;
    },
    () => Promise.reject(failure),
  ]) {
    let calls = 0;
    const { client, clock, sockets, last } = setup({ token: () => (++calls < 3 ? fail() : "good") });
    const errors: MadangError[] = [];
    const closes: object[] = [];
    client.on("error", (error) => errors.push(error));
    client.on("close", (close) => closes.push(close));
    const send = client.join("a").send("hello");
    client.connect();
    await turn();
    t.match(errors, [{ name: "MadangError", code: "token_failed", temporary: true, cause: failure }]);
    t.equal(errors[0]!.cause, failure);
    t.match(closes, [{ code: 1006, reason: "token function failed", reconnecting: true }]);
    t.equal(client.state, "connecting");
    t.equal(clock.next, 500);
    clock.advance(500);
    await turn();
    t.equal(errors.length, 2);
    t.equal(clock.next, 1000);
    t.equal(sockets.length, 0);
    clock.advance(1000);
    await turn();
    last()
      .accept()
      .joined("a")
      .ack("a", last().sent.find((frame) => frame.type === "message")!.nonce);
    await send;
    client.close();
  }
});

t.test("a token function that returns anything but a string has failed", async (t) => {
  const { client } = setup({ token: (() => undefined) as never });
  const failed = new Promise<MadangError>((resolve) => client.on("error", resolve));
  client.connect();
  t.match((await failed).cause, { name: "TypeError", message: /must be a string, not undefined/ });
  client.close();
});

t.test("a StopError of the token function stops the client, and a storage keeps the sends", async (t) => {
  for (const storage of [undefined, new FakeStorage()]) {
    let signedIn = false;
    const token = () => {
      if (!signedIn) throw new StopError("signed out");
      return "good";
    };
    const { client, clock, sockets, last } = setup({ token, ...(storage ? { storage } : {}) });
    const told: unknown[] = [];
    client.on("error", (error) => told.push(error));
    client.on("close", (close) => told.push(close));
    const room = client.join("a");
    const send = room.send("hello");
    client.connect();
    await t.rejects(send, { code: "token_stopped", temporary: false, message: "signed out" });
    t.match(told, [{ code: 1000, reason: "signed out", reconnecting: false, error: { code: "token_stopped" } }]);
    t.equal(told.length, 1);
    t.equal(client.state, "disconnected");
    t.match([clock.timers, sockets.length, room.pending.length], [0, 0, storage ? 1 : 0]);
    await t.rejects(room.send("more"), { code: "token_stopped" });

    signedIn = true;
    client.connect();
    await turn();
    last().accept().joined("a");
    t.same(last().messages, storage ? ["hello"] : []);
    client.close();
  }
});

t.test("a token that arrives after close opens no connection, and a failure after close emits nothing", async (t) => {
  for (const failure of [undefined, new Error("late"), new StopError()]) {
    const { client, sockets } = setup({ token: async () => (failure ? Promise.reject(failure) : "late") });
    client.on("error", () => t.fail("an error after close"));
    client.connect();
    client.close();
    client.on("close", () => t.fail("a second close"));
    await turn();
    t.equal(sockets.length, 0);
    t.equal(client.state, "disconnected");
  }
});
