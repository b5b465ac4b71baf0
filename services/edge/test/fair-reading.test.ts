import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import t, { type Test } from "tap";
import { FairReading } from "../src/arrival/fair-reading.ts";
import { until } from "./support.ts";

const SLICE = 1024;
const BULK = 256 * SLICE;

/**
 * Real sockets; the clock goes on by a millisecond with each piece that is handed on, so a turn has one slice.
 * @param restMs what else takes in each turn
 */
async function regulated(t: Test, clients: number, restMs = 0) {
  let now = 0;
  let turn = 0;
  const intake = new FairReading(() => now);
  const seen: { from: number; turn: number; chunk: Buffer }[] = [];
  const ends: { from: number; turn: number }[] = [];
  const readers: { isPaused: boolean }[] = [];
  const sockets: Socket[] = [];
  function listener(this: Socket, chunk: Buffer): void {
    now++;
    seen.push({ from: sockets.indexOf(this), turn, chunk });
  }
  function endListener(this: Socket): void {
    now++;
    ends.push({ from: sockets.indexOf(this), turn });
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const reader = { isPaused: false };
    sockets.push(socket);
    readers.push(reader);
    socket.on("error", () => {});
    socket.on("data", listener);
    socket.on("end", endListener);
    intake.regulate(socket, reader);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const dialled: Socket[] = [];
  for (let i = 0; i < clients; i++) {
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    client.on("error", () => {});
    await once(client, "connect");
    await until(() => sockets.length === i + 1);
    dialled.push(client);
  }
  let counting = true;
  const count = () => {
    turn++;
    now += restMs;
    if (counting) setImmediate(count);
  };
  count();
  t.teardown(() => {
    counting = false;
    for (const socket of [...dialled, ...sockets]) socket.destroy();
    server.close();
  });
  const bytesOf = (from: number) => Buffer.concat(seen.filter((s) => s.from === from).map(({ chunk }) => chunk));
  return { intake, seen, ends, readers, sockets, clients: dialled, bytesOf, pass: (ms: number) => (now += ms) };
}

function bulk(seed: number): Buffer {
  return Buffer.from(Array.from({ length: BULK }, (_, i) => (i * 31 + (i >> 8) + seed) & 0xff));
}

t.test("who sends much is read a slice a turn, by turns with the others, in order", async (t) => {
  const { seen, clients, bytesOf } = await regulated(t, 3);
  clients[0]!.write(bulk(0));
  clients[1]!.write(bulk(1));
  while (seen.length <= 20) await nextTurn();
  // All of it is there; now somebody has a word to say.
  clients[2]!.write("a word");
  await until(() => bytesOf(0).length === BULK && bytesOf(1).length === BULK && bytesOf(2).length > 0);
  t.ok(bytesOf(0).equals(bulk(0)));
  t.ok(bytesOf(1).equals(bulk(1)));
  t.equal(bytesOf(2).toString(), "a word");
  t.ok(seen.every(({ chunk }) => chunk.length <= SLICE));
  const perTurn = new Map<number, number>();
  for (const { from, turn } of seen) if (from < 2) perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
  t.ok(Math.max(...perTurn.values()) <= 2, `${Math.max(...perTurn.values())} in a turn`);
  const word = seen.findIndex(({ from }) => from === 2);
  t.ok(word < seen.length / 2, `it was heard as number ${word} of ${seen.length}`);
  const both = seen.slice(40, 240).filter(({ from }) => from < 2);
  const ofFirst = both.filter(({ from }) => from === 0).length;
  t.ok(Math.abs(ofFirst - both.length / 2) < both.length / 4, `${ofFirst} of ${both.length}`);
});

t.test("an edge that is busy with other things for long reads for as long as they take, up to a limit", async (t) => {
  for (const [restMs, most] of [
    [5, 5],
    [50, 8],
  ] as const) {
    const { seen, sockets, clients, bytesOf, pass } = await regulated(t, 1, restMs);
    clients[0]!.write(bulk(0));
    await once(sockets[0]!, "data");
    pass(2000);
    await until(() => bytesOf(0).length === BULK);
    const perTurn = Map.groupBy(seen, ({ turn }) => turn);
    const full = [...perTurn.values()].filter(({ length }) => length === most);
    t.ok(full.length > perTurn.size / 2, `${full.length} of ${perTurn.size} turns had ${most}`);
  }
});

t.test("a burst is read in short turns, and the next one, too", async (t) => {
  const restMs = 20;
  const { seen, clients, bytesOf, pass } = await regulated(t, 1, restMs);
  const burst = bulk(0).subarray(0, 32 * SLICE);
  for (let round = 1; round <= 2; round++) {
    clients[0]!.write(burst);
    await until(() => bytesOf(0).length === round * burst.length);
    pass(2000);
  }
  const perTurn = Map.groupBy(seen, ({ turn }) => turn);
  const most = Math.max(...[...perTurn.values()].map(({ length }) => length));
  t.ok(most <= 4, `${most} in a turn that could have ${restMs}`);
});

t.test(
  "where much comes in little pieces, who has said little of late is heard before who has said more",
  async (t) => {
    const { seen, sockets, bytesOf, pass } = await regulated(t, 2);
    const [talker, quiet] = sockets as [Socket, Socket];
    const piece = Buffer.alloc(300);
    // What one turn of the event loop brings; the first piece uses up the time for it.
    const talk = () => {
      for (let i = 0; i < 8; i++) talker.emit("data", piece);
      quiet.emit("data", Buffer.from("a word"));
    };
    talk();
    t.equal(seen.at(-1)!.from, 1);
    t.equal(seen.length, 4 + 1, "a light one's pieces of this turn, and the word");
    await until(() => bytesOf(0).length === 8 * 300);
    const before = seen.length;
    talk();
    t.equal(seen.length, before + 2, "one for the time that there is, and the word");
    await until(() => bytesOf(0).length === 16 * 300);
    pass(2000);
    const later = seen.length;
    talk();
    t.equal(seen.length, later + 4 + 1, "two seconds of silence make it light again, whatever it has said");
  },
);

t.test("who is not to be read waits, until it is resumed", async (t) => {
  const { seen, readers, sockets, clients, bytesOf } = await regulated(t, 1);
  const pause = () => {
    if (seen.length !== 6) return;
    readers[0]!.isPaused = true;
    sockets[0]!.pause();
  };
  sockets[0]!.on("data", pause);
  clients[0]!.write(bulk(0));
  await until(() => readers[0]!.isPaused);
  await delay(50);
  t.equal(seen.length, 6);
  sockets[0]!.off("data", pause);
  readers[0]!.isPaused = false;
  sockets[0]!.resume();
  await until(() => bytesOf(0).length === BULK);
  t.ok(bytesOf(0).equals(bulk(0)));
});

t.test("paused by its own last slice, it is not resumed", async (t) => {
  const { seen, readers, sockets, clients, bytesOf } = await regulated(t, 1);
  sockets[0]!.on("data", () => {
    if (bytesOf(0).length !== 4 * SLICE) return;
    readers[0]!.isPaused = true;
    sockets[0]!.pause();
  });
  clients[0]!.write(bulk(0).subarray(0, 4 * SLICE));
  await until(() => bytesOf(0).length === 4 * SLICE);
  clients[0]!.write("more");
  await delay(50);
  t.equal(bytesOf(0).length, 4 * SLICE);
  t.ok(seen.length >= 4);
});

t.test("the end comes after all that was said, and a cut is borne", async (t) => {
  const { seen, sockets, clients, bytesOf } = await regulated(t, 3);
  clients[0]!.end(bulk(0));
  await once(sockets[0]!, "end");
  t.ok(bytesOf(0).equals(bulk(0)));
  clients[1]!.write(bulk(1));
  await until(() => seen.some(({ from }) => from === 1));
  clients[1]!.resetAndDestroy();
  await until(() => sockets[1]!.closed);
  const { length } = seen;
  await delay(20);
  t.equal(seen.length, length, "nothing is handed on after it");
  sockets[2]!.pause();
  clients[2]!.write("unread");
  await until(() => sockets[2]!.readableLength > 0);
  sockets[2]!.once("close", () => sockets[2]!.read()).destroy();
  await until(() => sockets[2]!.closed);
  t.equal(seen.length, length, "nor what the library takes from a socket that was cut");
});

t.test("what is ignored is thrown away, also what waits already, and its end is heard", async (t) => {
  const { seen, sockets, clients, intake } = await regulated(t, 1);
  clients[0]!.write(bulk(0));
  await until(() => seen.length > 2);
  intake.ignore(sockets[0]!);
  const { length } = seen;
  clients[0]!.end(bulk(1));
  await once(sockets[0]!, "end");
  t.equal(seen.length, length);
});

t.test("many that end at once are taken leave of a few a turn, each once, after what they said", async (t) => {
  const { seen, ends, sockets, clients, bytesOf } = await regulated(t, 30);
  clients[0]!.write(bulk(0));
  // No later: all of it is heard within some milliseconds.
  await once(sockets[0]!, "data");
  for (const client of clients) client.end();
  await until(() => ends.length === 30);
  t.ok(bytesOf(0).equals(bulk(0)), "all that it said was heard");
  t.equal(ends.at(-1)!.from, 0, "and that it left after it");
  t.equal(new Set(ends.map(({ from }) => from)).size, 30);
  const perTurn = new Map<number, number>();
  for (const { turn } of ends) perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
  t.ok(Math.max(...perTurn.values()) <= 2, `${Math.max(...perTurn.values())} in a turn`);
  t.ok(
    ends.filter(({ from }) => from > 0).every(({ turn }) => turn <= seen.at(-1)!.turn),
    "nobody waits for who says much",
  );
});
