import type { Test } from "tap";
import { Changes } from "../src/store/changes.ts";
import { type Position, positionKey } from "../src/store/position.ts";
import type { Store } from "../src/store/store.ts";
import { ROOMS } from "./support.ts";

const EPOCH = "0mwuxf3rd";

function messageAt(room: string, seq: number, text: string, rest: object = {}) {
  return {
    room,
    position: { epoch: EPOCH, seq },
    user: "민수",
    message: text,
    at: `2026-01-01T00:00:00.${seq}Z`,
    ...rest,
  };
}

function changes(fill: (changes: Changes) => void): Changes {
  const some = new Changes();
  fill(some);
  return some;
}

/** The guarantees of a store. `fresh` opens an empty one. */
export function storeContract(t: Test, fresh: (t: Test) => Promise<Store>): void {
  const all = (store: Store, room: string) => store.messages(room, {}, "oldest first", 1000);

  t.test("write: repeating a batch changes nothing, and messages are in the log's order", async (t) => {
    const store = await fresh(t);
    const batch = changes((c) => {
      for (const seq of [9, 10, 2, 100]) c.messages.push(messageAt("a", seq, `n${seq}`));
      c.room("a", "2026-01-01", { epoch: EPOCH, seq: 9 });
    });
    for (let i = 0; i < 3; i++) t.strictSame(await store.write(batch), []);
    t.strictSame(
      (await all(store, "a")).map(({ seq }) => seq),
      [2, 9, 10, 100],
    );
    t.strictSame(await store.room("a"), {
      room: "a",
      topic: "",
      status: 0,
      createdAt: "2026-01-01",
      lastMessageAt: "2026-01-01T00:00:00.100Z",
      lastPosition: `${EPOCH}.100`,
    });
  });

  t.test("messages: only those of the room, whatever its name", async (t) => {
    const store = await fresh(t);
    const rooms = [...ROOMS, "a ", "a!", "ab", `a|${EPOCH}`, " a", "A"];
    await store.write(changes((c) => c.messages.push(...rooms.map((room, i) => messageAt(room, i + 1, room)))));
    for (const room of rooms) {
      t.strictSame(
        (await all(store, room)).map(({ message }) => message),
        [room],
      );
    }
  });

  t.test("messages: every bound, both orders, across epochs", async (t) => {
    const store = await fresh(t);
    const later = (seq: number): Position => ({ epoch: "0mwuxf3re", seq });
    await store.write(
      changes((c) => {
        for (const seq of [1, 2, 3]) c.messages.push(messageAt("a", seq, `old ${seq}`));
        for (const seq of [1, 2]) c.messages.push({ ...messageAt("a", seq, `new ${seq}`), position: later(seq) });
      }),
    );
    const texts = async (...args: Parameters<Store["messages"]>) =>
      (await store.messages(...args)).map(({ message }) => message);
    const at = (seq: number): Position => ({ epoch: EPOCH, seq });
    t.strictSame(await texts("a", { after: at(2) }, "oldest first", 9), ["old 3", "new 1", "new 2"]);
    t.strictSame(await texts("a", { from: at(2), upTo: later(1) }, "oldest first", 9), ["old 2", "old 3", "new 1"]);
    t.strictSame(await texts("a", { before: later(1) }, "newest first", 2), ["old 3", "old 2"]);
    t.strictSame(await texts("a", { upTo: at(0) }, "newest first", 2), []);
  });

  t.test("write: refuses a message whose position is taken, and stores the rest", async (t) => {
    const store = await fresh(t);
    await store.write(changes((c) => c.messages.push(messageAt("a", 1, "first"))));
    const refusals = await store.write(
      changes((c) => c.messages.push(messageAt("a", 1, "another"), messageAt("a", 2, "second"))),
    );
    t.strictSame(
      refusals.map(({ position }) => position.seq),
      [1],
    );
    t.strictSame(
      (await all(store, "a")).map(({ message }) => message),
      ["first", "second"],
    );
  });

  t.test("write: a message that differs in any field is another message", async (t) => {
    const store = await fresh(t);
    const first = messageAt("a", 1, "m", { nonce: "n", replyTo: 7, userId: "id" });
    await store.write(changes((c) => c.messages.push(first)));
    for (const other of [
      { user: "지수" },
      { userId: "other" },
      { userId: undefined },
      { message: "other" },
      { at: "2027" },
      { nonce: "other" },
      { nonce: undefined },
      { replyTo: 8 },
      { replyTo: undefined },
    ]) {
      const refusals = await store.write(changes((c) => c.messages.push({ ...first, ...other })));
      t.equal(refusals.length, 1, JSON.stringify(other));
    }
    t.strictSame(await store.write(changes((c) => c.messages.push({ ...first }))), []);
  });

  t.test("write: edits and deletes may precede their message, and a stub is hidden", async (t) => {
    const store = await fresh(t);
    const target = (seq: number): Position => ({ epoch: EPOCH, seq });
    await store.write(
      changes((c) => {
        c.edits.push({ room: "a", target: target(1), seq: 9, message: "newer", at: "t9" });
        c.edits.push({ room: "a", target: target(1), seq: 8, message: "older", at: "t8" });
        c.deletes.push({ room: "a", target: target(2), seq: 7, at: "t7" });
        c.edits.push({ room: "a", target: target(2), seq: 10, message: "too late", at: "t10" });
      }),
    );
    t.strictSame(await all(store, "a"), [], "a stub is hidden");
    await store.write(changes((c) => c.messages.push(messageAt("a", 1, "one"), messageAt("a", 2, "two"))));
    const [one, two] = await all(store, "a");
    t.match(one, { message: "newer", editedAt: "t9" });
    t.match(two, { message: "", deleted: true });
    t.notOk(two && "editedAt" in two);
    t.strictSame(
      await store.write(changes((c) => c.messages.push(messageAt("a", 1, "one")))),
      [],
      "it is the same message",
    );
  });

  t.test("write: of a sender's messages with one nonce, the one with the lowest position is kept", async (t) => {
    for (const order of [
      [5, 7, 9],
      [9, 7, 5],
      [7, 9, 5],
    ]) {
      const store = await fresh(t);
      for (const seq of order) {
        await store.write(changes((c) => c.messages.push(messageAt("a", seq, "retried", { nonce: "n" }))));
      }
      await store.write(
        changes((c) => {
          c.messages.push(...order.map((seq) => messageAt("a", seq, "retried", { nonce: "n" })));
          c.messages.push(
            messageAt("a", 20, "other room's", { nonce: "m" }),
            messageAt("a b", 21, "x", { nonce: "n" }),
          );
          c.messages.push(messageAt("a", 22, "other sender's", { nonce: "n", user: "지수" }));
          c.messages.push(messageAt("a", 23, "proved", { nonce: "n", userId: "민수" }));
        }),
      );
      t.strictSame(
        (await all(store, "a")).map(({ seq }) => seq),
        [5, 20, 22, 23],
        `arrived as ${order}`,
      );
    }
  });

  t.test("write: another text with a used nonce is a message of its own, and each text is kept once", async (t) => {
    const texts = new Map([5, 6, 7, 8, 9].map((seq) => [seq, seq % 2 === 1 ? "one" : "two"]));
    const said = (seq: number) => messageAt("a", seq, texts.get(seq)!, { nonce: "n" });
    const reply = messageAt("a", 10, "one", { nonce: "n", replyTo: 5 });
    for (const order of [
      [5, 6, 7, 8, 9],
      [9, 8, 7, 6, 5],
      [8, 5, 9, 6, 7],
      [6, 9, 5, 8, 7],
    ]) {
      const store = await fresh(t);
      for (const seq of order) await store.write(changes((c) => c.messages.push(said(seq))));
      await store.write(changes((c) => c.messages.push(reply, ...order.map(said))));
      t.match(
        await all(store, "a"),
        [
          { seq: 5, message: "one", nonce: "n" },
          { seq: 6, message: "two", nonce: "n" },
          { seq: 10, message: "one", replyTo: 5, nonce: "n" },
        ],
        `arrived as ${order}`,
      );
      t.equal((await all(store, "a")).length, 3);
    }
  });

  t.test("rooms: for each field the highest position wins; rooms are listed by name", async (t) => {
    const store = await fresh(t);
    const set = (seq: number, topic: string | undefined, status: 0 | 1 | 2 | undefined) =>
      changes((c) => {
        const position = { epoch: EPOCH, seq };
        const room = c.room("a", "2026", position);
        if (topic !== undefined) room.topic = { position, value: topic };
        if (status !== undefined) room.status = { position, value: status };
      });
    await store.write(set(10, "ten", undefined));
    await store.write(set(9, "nine", 2));
    await store.write(set(8, undefined, 1));
    t.match(await store.room("a"), { topic: "ten", status: 2 });
    for (const room of ["b", "나", "a b"]) t.equal((await store.ensureRoom(room, "2026")).created, true);
    t.equal((await store.ensureRoom("a", "2027")).created, false);
    t.strictSame(await store.roomNames(undefined, 9), ["a", "a b", "b", "나"]);
    t.strictSame(await store.roomNames("a b", 1), ["b"]);
    t.strictSame(
      (await store.rooms(["나", "unknown", "a"])).map(({ room }) => room),
      ["a", "나"],
    );
    const made = await Promise.all(Array.from({ length: 10 }, () => store.ensureRoom("new", "2026")));
    t.equal(made.filter(({ created }) => created).length, 1, "exactly one caller created it");
    t.equal(await store.room("unknown"), undefined);
  });

  t.test("rooms: created at their earliest event, in any order of batches, with their last message", async (t) => {
    const store = await fresh(t);
    const batch = (at: string, ...seqs: number[]) =>
      changes((c) => {
        for (const seq of seqs) c.messages.push(messageAt("a", seq, `at ${seq}`));
        c.room("a", at, { epoch: EPOCH, seq: seqs[0]! });
      });
    await store.write(batch("2026-01-02", 5, 10));
    t.match(await store.room("a"), { createdAt: "2026-01-02", lastPosition: `${EPOCH}.10` });
    await store.write(batch("2026-01-01", 4));
    t.match(await store.room("a"), { createdAt: "2026-01-01", lastPosition: `${EPOCH}.10` });
    await store.write(batch("2026-01-03", 11));
    t.match(await store.room("a"), { createdAt: "2026-01-01", lastPosition: `${EPOCH}.11` });
    await store.ensureRoom("quiet", "2026");
    await store.write(
      changes((c) => c.edits.push({ room: "quiet", target: { epoch: EPOCH, seq: 1 }, seq: 2, message: "m", at: "t" })),
    );
    t.strictSame(
      (await store.rooms(["a", "quiet"])).map(({ lastPosition }) => lastPosition),
      [`${EPOCH}.11`, undefined],
      "a stub is not a last message",
    );
  });

  t.test("floor: never lowered, neither by epoch nor by sequence", async (t) => {
    const store = await fresh(t);
    t.equal(await store.loadFloor(), undefined);
    for (const [epoch, seq] of [
      ["0b", 9],
      ["0b", 10],
      ["0b", 2],
      ["0a", 99],
    ] as const) {
      await store.saveFloor({ epoch, seq });
    }
    t.strictSame(await store.loadFloor(), { epoch: "0b", seq: 10 });
    t.ok(positionKey({ epoch: "0b", seq: 10 }) > positionKey({ epoch: "0a", seq: 99 }));
  });

  t.test("mark: the highest position is kept", async (t) => {
    const store = await fresh(t);
    await store.saveFloor({ epoch: "0b", seq: 99 });
    t.equal(await store.loadMark(), undefined);
    for (const [epoch, seq, fingerprint] of [
      ["0b", 9, "z"],
      ["0b", 10, "a"],
      ["0a", 99, "z"],
    ] as const) {
      await store.saveMark({ position: { epoch, seq }, fingerprint });
    }
    t.strictSame(await store.loadMark(), { position: { epoch: "0b", seq: 10 }, fingerprint: "a" });
  });
}
