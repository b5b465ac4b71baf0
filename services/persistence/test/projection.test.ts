import assert from "node:assert/strict";
import type { ConsumedRecord } from "@madang/broker";
import type { LogEvent } from "@madang/protocol";
import fc from "fast-check";
import t from "tap";
import { createProjector } from "../src/projection/projector.ts";
import { comparePositions, type Position } from "../src/store/position.ts";
import { freshDatabase, lookInside, mongod, openStore, record, silent } from "./support.ts";

const EPOCHS = ["0mwuxf3rd", "0mwuxf3re"] as const;
const room = fc.constantFrom("a", "a|b", "수다방");
const user = fc.constantFrom("민수", "지수");
const userId = fc.option(fc.constantFrom("id1", "민수"), { nil: undefined });
const at = fc.integer({ min: 0, max: 99 }).map((n) => `2026-01-01T00:00:${String(n).padStart(2, "0")}Z`);
const text = fc.string({ unit: "grapheme", maxLength: 5 });
/** Few values, so that they collide. */
const nonce = fc.option(fc.constantFrom("n1", "n2"), { nil: undefined, freq: 3 });

/** Events without positions; `back` is the distance from an edit or delete to its target. */
const draft = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("message" as const), room, user, userId, message: text, at, nonce }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("edit" as const), room, user, message: text, at, back: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("delete" as const), room, user, at, back: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("room" as const),
      room,
      user,
      at,
      topic: fc.option(text, { nil: undefined }),
      status: fc.option(fc.constantFrom(0, 1, 2), { nil: undefined }),
    }),
  },
);

/** A log in two epochs, in ascending order. */
const logOf = fc
  .tuple(fc.array(draft, { minLength: 1, maxLength: 60, size: "max" }), fc.nat(60))
  .map(([drafts, turn]) =>
    drafts.map((draft, i): ConsumedRecord => {
      const position: Position = i < turn ? { epoch: EPOCHS[0], seq: i + 1 } : { epoch: EPOCHS[1], seq: i - turn + 1 };
      const { back, ...event } = { back: undefined, ...draft };
      const target = back === undefined ? {} : { target: Math.max(1, position.seq - 1 - back) };
      return record({ ...event, ...target } as LogEvent, position);
    }),
  );

/** The deliveries to two instances: the shuffled log, with repetitions, in batches of any size. */
const deliveryOf = (log: ConsumedRecord[]) =>
  fc
    .tuple(
      fc.shuffledSubarray(log, { minLength: log.length }),
      fc.array(fc.constantFrom(...log), { maxLength: 30 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 12 })),
    )
    .chain(([once, again, sizes]) =>
      fc.shuffledSubarray([...once, ...again], { minLength: once.length + again.length }).map((records) => {
        const batches: ConsumedRecord[][] = [];
        const rest = [...records];
        while (rest.length > 0) batches.push(rest.splice(0, sizes.next().value));
        return batches;
      }),
    );

const run = logOf.chain((log) => fc.tuple(fc.constant(log), deliveryOf(log)));

/** The expected history of a room, by a simple model. */
function expected(log: readonly ConsumedRecord[], room: string) {
  const events = log.map(({ epoch, seq, data }) => ({ epoch, seq, ...JSON.parse(new TextDecoder().decode(data)) }));
  const here = events.filter((event) => event.room === room).sort(comparePositions);
  const used = new Set<string>();
  const shown: object[] = [];
  for (const event of here) {
    if (event.type !== "message") continue;
    const once = JSON.stringify([event.userId === undefined, event.userId ?? event.user, event.nonce, event.message]);
    if (event.nonce !== undefined && used.has(once)) continue;
    used.add(once);
    const about = (type: string) =>
      here.filter((other) => other.type === type && other.epoch === event.epoch && other.target === event.seq);
    const edit = about("edit").at(-1);
    const deleted = about("delete").length > 0;
    shown.push({ epoch: event.epoch, seq: event.seq, text: deleted ? "" : (edit?.message ?? event.message), deleted });
  }
  return shown;
}

t.test("in any order and with repetitions, the projection ends as if the log were read once in order", async (t) => {
  const server = await mongod(t);
  const urls = [freshDatabase(server), freshDatabase(server)] as const;
  const [plain, one, two] = await Promise.all([openStore(t, urls[0]), openStore(t, urls[1]), openStore(t, urls[1])]);
  const inside = urls.map((url) => lookInside(t, url));
  const state = async (i: 0 | 1) => {
    const [messages, rooms, letters] = await Promise.all(
      ["messages", "rooms", "dead_letters"].map((name) => inside[i]!.dump(name)),
    );
    return { messages, rooms, letters: letters!.map(({ _id, reason }) => ({ _id, reason })) };
  };
  await fc.assert(
    fc.asyncProperty(run, async ([log, batches]) => {
      await Promise.all(inside.map(({ clear }) => clear()));
      await createProjector(plain, silent)(log);
      const instances = [one, two].map((store) => createProjector(store, silent));
      await Promise.all(
        instances.map(async (project, i) => {
          for (const batch of batches.filter((_, n) => n % 2 === i)) await project(batch);
        }),
      );
      const [inOrder, shuffled] = await Promise.all([state(0), state(1)]);
      assert.deepEqual(shuffled, inOrder);
      for (const room of ["a", "a|b", "수다방"]) {
        const shown = (await one.messages(room, {}, "oldest first", 100)).map(({ epoch, seq, message, deleted }) => ({
          epoch,
          seq,
          text: message,
          deleted: deleted === true,
        }));
        assert.deepEqual(shown, expected(log, room));
      }
    }),
    { numRuns: 150, interruptAfterTimeLimit: 60_000 },
  );
});

t.test("a record that cannot be projected becomes a dead letter and the rest goes on", async (t) => {
  const url = freshDatabase(await mongod(t));
  const store = await openStore(t, url);
  const position = (seq: number): Position => ({ epoch: EPOCHS[0], seq });
  const good = record({ type: "message", room: "a", user: "u", message: "good", at: "t" }, position(1));
  const bytes = (seq: number, data: string | Uint8Array) => ({
    ...good,
    ...position(seq),
    data: typeof data === "string" ? new TextEncoder().encode(data) : data,
  });
  const edit = { type: "edit", room: "a", user: "u", message: "m", at: "t" } as const;
  const records = [
    bytes(2, "{"),
    bytes(3, Uint8Array.of(0x22, 0xff, 0x22)),
    bytes(4, "{}"),
    bytes(5, '{"type":"later"}'),
    { ...good, ...position(6), room: "b" },
    { ...good, ...position(7), room: undefined, subject: "chat.log.00.=bad" },
    record({ ...edit, target: 8 }, position(8)),
    record({ ...edit, target: 1e300 }, position(9)),
    good,
    // JSON allows lone surrogates and UTF-8 does not. Repeated, it must equal the stored message.
    record({ type: "message", room: "b", user: "\ud800", message: "\udfff", at: "t", nonce: "\ud800" }, position(10)),
    { ...bytes(1, JSON.stringify({ type: "message", room: "a", user: "u", message: "another", at: "t" })) },
  ];
  for (let i = 0; i < 2; i++) await createProjector(store, silent)(records);
  t.strictSame(
    (await store.messages("a", {}, "oldest first", 9)).map(({ message }) => message),
    ["good"],
  );
  const letters = (await lookInside(t, url).dump("dead_letters")).map(({ seq, reason }) => `${seq}: ${reason}`);
  t.strictSame(letters, [
    "1: another message is stored at its position",
    "2: it is not valid JSON in UTF-8",
    "3: it is not valid JSON in UTF-8",
    "4: it is not an event of a type and shape that this version knows",
    "5: it is not an event of a type and shape that this version knows",
    "6: its room differs from the room of its subject",
    "7: its subject does not name a room",
    "8: its target is not an earlier event",
    "9: its target is not an earlier event",
  ]);
});

t.test("a batch that now belongs to another instance is not written", async (t) => {
  const url = freshDatabase(await mongod(t));
  const store = await openStore(t, url);
  const position = { epoch: EPOCHS[0], seq: 1 };
  const late = [record({ type: "message", room: "a", user: "u", message: "m", at: "t" }, position)];
  await t.rejects(createProjector(store, silent)(late, () => false));
  t.strictSame(await lookInside(t, url).dump("messages"), []);
});
