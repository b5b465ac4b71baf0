import t from "tap";
import { MadangClient } from "../src/index.ts";
import { FakeSocket, inRoom, setup } from "./fakes.ts";

/** Passes a value of a wrong type, as a caller without TypeScript can. */
const wrong = (value: unknown) => value as never;
const typeError = (message: string) => ({ name: "TypeError", message });

t.test("the constructor refuses options of a wrong type", async (t) => {
  const transport = (url: string, events: never) => new FakeSocket(url, events);
  t.throws(
    () => new MadangClient(wrong(undefined)),
    typeError("MadangClient: options must be an object, not undefined."),
  );
  t.throws(
    () => new MadangClient(wrong("ws://a/ws")),
    typeError("MadangClient: options must be an object, not a string."),
  );
  t.throws(
    () => new MadangClient(wrong({ transport })),
    typeError("MadangClient: url must be a string, not undefined."),
  );
  const token = Promise.resolve("a promise, and no function that makes one");
  t.throws(() => setup({ token: wrong(token) }), typeError("MadangClient: token must be a string, not an object."));
  for (const option of ["user", "token", "storage", "outbox", "transport", "random", "clock"]) {
    t.throws(() => setup({ [option]: 7 }), {
      name: "TypeError",
      message: new RegExp(`: ${option} must be .*, not a number`),
    });
  }
});

t.test("bounds of the outbox are numbers", async (t) => {
  for (const bound of ["maxSends", "maxBytes"]) {
    for (const [value, named] of [
      [Number.NaN, "NaN"],
      [-1, "-1"],
      ["9", "a string"],
      [null, "null"],
    ]) {
      t.throws(
        () => setup({ outbox: wrong({ [bound]: value }) }),
        typeError(`MadangClient: outbox.${bound} must be a number from 0, not ${named}.`),
      );
    }
    t.doesNotThrow(() => setup({ outbox: { [bound]: Number.POSITIVE_INFINITY } }));
  }
});

t.test("in a page, a URL that is not a string is not resolved as a relative URL", async (t) => {
  t.teardown(() => Reflect.deleteProperty(globalThis, "location"));
  Object.assign(globalThis, { location: { href: "https://chat.example/chat/a/b" } });
  for (const url of [undefined, null, 5]) t.throws(() => setup({ url: wrong(url) }), { name: "TypeError" }, `${url}`);
});

t.test("a client without a storage keeps no sends after close", async (t) => {
  const { client, room } = inRoom("a", { storage: wrong(null) });
  const sent = room.send("hello");
  client.close();
  await t.rejects(sent, { code: "client_closed" });
  t.same(room.pending, []);
});

t.test("a listener that is not a function is refused at once", async (t) => {
  const { client, room, socket } = inRoom("a");
  const heard: number[] = [];
  for (const value of [undefined, null, {}, "show"]) {
    t.throws(() => room.on("message", wrong(value)), {
      name: "TypeError",
      message: /The listener must be a function/,
    });
    t.throws(() => client.on("state", wrong(value)), { name: "TypeError" });
  }
  room.on("message", ({ seq }) => heard.push(seq));
  socket.message("a", 1);
  t.same(heard, [1]);
  client.close();
});

t.test("join and send check their options", async (t) => {
  const { client, room } = inRoom("a");
  t.throws(() => client.join("b", wrong(null)), typeError("join: options must be an object, not null."));
  t.throws(() => client.join("b", wrong("e1.7")), { name: "TypeError" }, "a bare position would be ignored");
  t.throws(() => client.join("b", { after: wrong(7) }), typeError("join: after must be a string, not a number."));
  for (const options of [null, "nonce"]) {
    const sent = room.send("hello", wrong(options));
    await t.rejects(
      sent,
      { name: "TypeError", message: /^send: options must be an object/ },
      "a rejection, not an exception",
    );
  }
  t.same(room.pending, []);
  client.close();
});
