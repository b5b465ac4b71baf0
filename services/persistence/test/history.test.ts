import type { HistoryPage } from "@madang/protocol";
import { formatPosition, parsePosition } from "@madang/protocol";
import fc from "fast-check";
import t from "tap";
import { readPage } from "../src/history/pages.ts";
import { Floor } from "../src/recovery/floor.ts";
import { Changes } from "../src/store/changes.ts";
import { comparePositions, type Position } from "../src/store/position.ts";
import type { Store } from "../src/store/store.ts";
import { freshDatabase, mongod, openStore, ROOMS } from "./support.ts";

const OLD = "0mwuxf3rd";
const NOW = "0mwuxf3re";

/** Interleaves several rooms in a log of two epochs. Every third position holds none of their messages. */
async function fill(store: Store): Promise<Map<string, Position[]>> {
  const positions = new Map<string, Position[]>(ROOMS.map((room) => [room, []]));
  const changes = new Changes();
  for (let i = 0; i < 1800; i++) {
    if (i % 3 === 2) continue;
    const room = ROOMS[i % ROOMS.length]!;
    const position = i < 700 ? { epoch: OLD, seq: i + 1 } : { epoch: NOW, seq: i - 699 };
    positions.get(room)!.push(position);
    changes.messages.push({ room, position, user: "u", message: `${room} ${i}`, at: "2026" });
    changes.room(room, "2026", position);
  }
  await store.write(changes);
  return positions;
}

const positionsOf = ({ messages }: HistoryPage): Position[] => messages.map(({ epoch, seq }) => ({ epoch, seq }));

t.test("history", async (t) => {
  const store = await openStore(t, freshDatabase(await mongod(t)));
  const positions = await fill(store);
  const end: Position = { epoch: NOW, seq: 1100 };
  const page = (room: string, query: object, floor = end) =>
    readPage(store, { now: async () => floor, isBehind: false }, room, query);

  t.test("paging in both directions gives each message once", async (t) => {
    for (const room of ROOMS) {
      const all = positions.get(room)!;
      let newest = await page(room, { limit: 37 });
      t.ok(newest.foundNewest);
      const back = positionsOf(newest);
      while (!newest.foundOldest) {
        newest = await page(room, { before: newest.messages[0]!.position, limit: 37 });
        t.notOk(newest.foundNewest);
        back.unshift(...positionsOf(newest));
      }
      t.strictSame(back, all, `${room} backwards`);

      let oldest = await page(room, { after: formatPosition(OLD, 0), limit: 100 });
      t.ok(oldest.foundOldest);
      const forth = positionsOf(oldest);
      while (!oldest.foundNewest) {
        t.equal(oldest.position, oldest.messages.at(-1)!.position);
        oldest = await page(room, { after: oldest.position, limit: 100 });
        t.notOk(oldest.foundOldest);
        forth.push(...positionsOf(oldest));
      }
      t.strictSame(forth, all, `${room} forwards`);
      t.equal(oldest.position, formatPosition(end.epoch, end.seq));
    }
  });

  t.test("every page of every cursor agrees with the whole room", async () => {
    const query = fc.record({
      room: fc.constantFrom(...ROOMS),
      kind: fc.constantFrom("before", "after", "around", undefined),
      epoch: fc.constantFrom(OLD, NOW, "0", "zzz"),
      seq: fc.nat(1300),
      limit: fc.integer({ min: 1, max: 100 }),
      floor: fc.integer({ min: 0, max: 1200 }),
    });
    await fc.assert(
      fc.asyncProperty(query, async ({ room, kind, epoch, seq, limit, floor: floorSeq }) => {
        const floor = { epoch: NOW, seq: floorSeq };
        const cursor = { epoch, seq };
        const visible = positions.get(room)!.filter((position) => comparePositions(position, floor) <= 0);
        const got = await page(room, { ...(kind && { [kind]: formatPosition(epoch, seq) }), limit }, floor);
        const shown = positionsOf(got);

        const first = visible.findIndex((position) => comparePositions(position, shown[0] ?? cursor) === 0);
        if (shown.length > 0)
          assertSame(shown, visible.slice(first, first + shown.length), "a gapless part of the room");
        const older = visible.filter((position) => comparePositions(position, cursor) < 0);
        const newer = visible.filter((position) => comparePositions(position, cursor) > 0);
        if (kind === undefined) assertSame(shown, visible.slice(-limit), "the latest");
        if (kind === "before") assertSame(shown, older.slice(-limit), "right before it");
        if (kind === "after") assertSame(shown, newer.slice(0, limit), "right after it");
        if (kind === "around") {
          assertSame(shown.length, Math.min(limit, visible.length), "full where the room has enough");
          const here = visible.find((position) => comparePositions(position, cursor) === 0);
          if (here)
            assertSame(shown.filter((position) => comparePositions(position, here) === 0).length, 1, "included");
        }

        // An empty page lies at its cursor.
        const from = shown[0] ?? cursor;
        const to = shown.at(-1) ?? cursor;
        const isBeforeEmpty = kind === "before" && shown.length === 0;
        const unseenOlder = visible.some(
          (position) => comparePositions(position, from) < (kind === "after" && shown.length === 0 ? 1 : 0),
        );
        const unseenNewer = visible.some((position) => comparePositions(position, to) > (isBeforeEmpty ? -1 : 0));
        assertSame(got.foundOldest, !unseenOlder, "foundOldest");
        assertSame(got.foundNewest, !unseenNewer, "foundNewest");

        const position = parsePosition(got.position)!;
        const isAhead = kind === "after" && comparePositions(cursor, floor) > 0;
        const stays = isAhead && epoch === floor.epoch;
        if (stays) assertSame(position, cursor, "a client that is ahead stays there");
        else if (comparePositions(position, floor) > 0) throw new Error("the position is past the floor");
        const joined = visible.filter((other) => comparePositions(other, position) > 0);
        const rest = visible.filter((position) => comparePositions(position, to) > (isBeforeEmpty ? -1 : 0));
        if (!isAhead) assertSame(joined, rest, "joining there continues the page");
      }),
      { numRuns: 600 },
    );
  });

  t.test("an empty page before the oldest message has a position from which that message still comes", async (t) => {
    const oldest = positions.get("a")![0]!;
    t.match(await page("a", { before: formatPosition(oldest.epoch, oldest.seq) }), {
      messages: [],
      foundOldest: true,
      foundNewest: false,
      position: formatPosition(oldest.epoch, oldest.seq - 1),
    });
  });

  t.test("a cursor of another epoch is ordered by its epoch", async (t) => {
    t.equal((await page("a", { after: "0.5", limit: 5 })).messages[0]!.epoch, OLD);
    t.strictSame((await page("a", { before: "zz.5", limit: 5 })).messages.length, 5);
  });

  t.test("a room without messages answers an empty page, whether it is known or not", async (t) => {
    await store.ensureRoom("empty", "2026");
    for (const room of ["empty", "unknown"]) {
      const empty = { room, epoch: NOW, messages: [], foundOldest: true, foundNewest: true };
      t.strictSame(await page(room, {}), { ...empty, position: `${NOW}.1100` });
      for (const cursor of ["before", "after", "around"]) {
        t.match(await page(room, { [cursor]: `${NOW}.5` }), empty, `${room} ${cursor}`);
      }
    }
    t.equal(await store.room("unknown"), undefined, "a read creates no room");
  });

  t.test("a page of an instance with a lower floor continues the page of another instance", async (t) => {
    const log = { seq: 600 };
    const ackFloor = async () => ({ epoch: NOW, seq: log.seq });
    const ahead = new Floor({ ackFloor }, store);
    const behind = new Floor({ ackFloor }, store);
    t.teardown(() => {
      ahead.close();
      behind.close();
    });
    const first = await readPage(store, behind, "a", {});
    // This answer is from before the log grew. It must not serve a client that has seen more.
    const pending = behind.now({ epoch: NOW, seq: 601 });
    log.seq = 1100;
    const latest = await readPage(store, ahead, "a", { limit: 10 });
    t.not(latest.position, first.position);
    const [older, newer] = await Promise.all([
      readPage(store, behind, "a", { before: latest.messages[0]!.position, limit: 10 }),
      readPage(store, behind, "a", { after: latest.position }),
      pending,
    ]);
    t.strictSame(positionsOf(older), positions.get("a")!.slice(-20, -10), "without a gap");
    t.match(newer, { messages: [], position: latest.position }, "a join from there gets no event twice");
  });

  t.test("at most one cursor is allowed, and it must be a position; the error names the field", async (t) => {
    await t.rejects(page("a", { before: "a.1", around: "a.2" }), { code: "bad_request", field: "around" });
    for (const bad of ["", "1", "a.", ".1", "a.-1", "a.1.5", "A.1", "a.99999999999999999", "a.9007199254740993"]) {
      await t.rejects(page("a", { after: bad }), { code: "bad_position", field: "after" }, bad);
    }
  });
});

function assertSame(actual: unknown, wanted: unknown, what: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`);
  }
}
