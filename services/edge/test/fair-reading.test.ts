import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { eventually } from "@madang/test-kit";
import t, { type Test } from "tap";
import { FairReading } from "../src/arrival/fair-reading.ts";

const SLICE = 1024;
const BULK = 256 * SLICE;

/**
 * Real sockets. The clock advances by one millisecond with each chunk that is handed on, so that a turn has one slice.
 * @param restMs milliseconds that each turn of the event loop spends on other things
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
    await eventually(() => sockets.length === i + 1);
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

t.test("large senders are read one slice a turn, in turns with the others, in order", async (t) => {
  const { seen, clients, bytesOf } = await regulated(t, 3);
  clients[0]!.write(bulk(0));
  clients[1]!.write(bulk(1));
  while (seen.length <= 20) await nextTurn();
  // Both bursts have arrived when the third client sends a few bytes.
  clients[2]!.write("a word");
  await eventually(() => bytesOf(0).length === BULK && bytesOf(1).length === BULK && bytesOf(2).length > 0);
  t.ok(bytesOf(0).equals(bulk(0)));
  t.ok(bytesOf(1).equals(bulk(1)));
  t.equal(bytesOf(2).toString(), "a word");
  t.ok(seen.every(({ chunk }) => chunk.length <= SLICE));
  const perTurn = new Map<number, number>();
  for (const { from, turn } of seen) if (from < 2) perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
  t.ok(Math.max(...perTurn.values()) <= 2, `${Math.max(...perTurn.values())} in a turn`);
  const word = seen.findIndex(({ from }) => from === 2);
  t.ok(word < seen.length / 2, `it was read as number ${word} of ${seen.length}`);
  const both = seen.slice(40, 240).filter(({ from }) => from < 2);
  const ofFirst = both.filter(({ from }) => from === 0).length;
  t.ok(Math.abs(ofFirst - both.length / 2) < both.length / 4, `${ofFirst} of ${both.length}`);
});

t.test("reading may take as long as the other work of a turn, up to a limit", async (t) => {
  for (const [restMs, most] of [
    [5, 5],
    [50, 8],
  ] as const) {
    const { seen, sockets, clients, bytesOf, pass } = await regulated(t, 1, restMs);
    clients[0]!.write(bulk(0));
    await once(sockets[0]!, "data");
    pass(2000);
    await eventually(() => bytesOf(0).length === BULK);
    const perTurn = Map.groupBy(seen, ({ turn }) => turn);
    const full = [...perTurn.values()].filter(({ length }) => length === most);
    t.ok(full.length > perTurn.size / 2, `${full.length} of ${perTurn.size} turns had ${most}`);
  }
});

t.test("each of two bursts is read in short turns", async (t) => {
  const restMs = 20;
  const { seen, clients, bytesOf, pass } = await regulated(t, 1, restMs);
  const burst = bulk(0).subarray(0, 32 * SLICE);
  for (let round = 1; round <= 2; round++) {
    clients[0]!.write(burst);
    await eventually(() => bytesOf(0).length === round * burst.length);
    pass(2000);
  }
  const perTurn = Map.groupBy(seen, ({ turn }) => turn);
  const most = Math.max(...[...perTurn.values()].map(({ length }) => length));
  t.ok(most <= 4, `${most} in a turn that could have ${restMs}`);
});

t.test("among many small chunks, a quiet client is read before a talkative one", async (t) => {
  const { seen, sockets, bytesOf, pass } = await regulated(t, 2);
  const [talker, quiet] = sockets as [Socket, Socket];
  const piece = Buffer.alloc(300);
  // These chunks arrive in one turn of the event loop. The first of them uses up the time for reading.
  const talk = () => {
    for (let i = 0; i < 8; i++) talker.emit("data", piece);
    quiet.emit("data", Buffer.from("a word"));
  };
  talk();
  t.equal(seen.at(-1)!.from, 1);
  t.equal(seen.length, 4 + 1, "the chunks that a quiet client may have in a turn, and the word");
  await eventually(() => bytesOf(0).length === 8 * 300);
  const before = seen.length;
  talk();
  t.equal(seen.length, before + 2, "one chunk for the time available, and the word");
  await eventually(() => bytesOf(0).length === 16 * 300);
  pass(2000);
  const later = seen.length;
  talk();
  t.equal(seen.length, later + 4 + 1, "after two seconds of silence it counts as quiet again");
});

t.test("a paused client is not read until it is resumed", async (t) => {
  const { seen, readers, sockets, clients, bytesOf } = await regulated(t, 1);
  const pause = () => {
    if (seen.length !== 6) return;
    readers[0]!.isPaused = true;
    sockets[0]!.pause();
  };
  sockets[0]!.on("data", pause);
  clients[0]!.write(bulk(0));
  await eventually(() => readers[0]!.isPaused);
  await delay(50);
  t.equal(seen.length, 6);
  sockets[0]!.off("data", pause);
  readers[0]!.isPaused = false;
  sockets[0]!.resume();
  await eventually(() => bytesOf(0).length === BULK);
  t.ok(bytesOf(0).equals(bulk(0)));
});

t.test("a client that its own last slice paused is not resumed", async (t) => {
  const { seen, readers, sockets, clients, bytesOf } = await regulated(t, 1);
  sockets[0]!.on("data", () => {
    if (bytesOf(0).length !== 4 * SLICE) return;
    readers[0]!.isPaused = true;
    sockets[0]!.pause();
  });
  clients[0]!.write(bulk(0).subarray(0, 4 * SLICE));
  await eventually(() => bytesOf(0).length === 4 * SLICE);
  clients[0]!.write("more");
  await delay(50);
  t.equal(bytesOf(0).length, 4 * SLICE);
  t.ok(seen.length >= 4);
});

t.test("the end of a stream comes after its data, and a reset connection delivers nothing more", async (t) => {
  const { seen, sockets, clients, bytesOf } = await regulated(t, 3);
  clients[0]!.end(bulk(0));
  await once(sockets[0]!, "end");
  t.ok(bytesOf(0).equals(bulk(0)));
  clients[1]!.write(bulk(1));
  await eventually(() => seen.some(({ from }) => from === 1));
  clients[1]!.resetAndDestroy();
  await eventually(() => sockets[1]!.closed);
  const { length } = seen;
  await delay(20);
  t.equal(seen.length, length, "nothing is handed on after it");
  sockets[2]!.pause();
  clients[2]!.write("unread");
  await eventually(() => sockets[2]!.readableLength > 0);
  sockets[2]!.once("close", () => sockets[2]!.read()).destroy();
  await eventually(() => sockets[2]!.closed);
  t.equal(seen.length, length, "nor what the library reads from a destroyed socket");
});

t.test("the data of an ignored client is discarded, and its end is noticed", async (t) => {
  const { seen, sockets, clients, intake } = await regulated(t, 1);
  clients[0]!.write(bulk(0));
  await eventually(() => seen.length > 2);
  intake.ignore(sockets[0]!);
  const { length } = seen;
  clients[0]!.end(bulk(1));
  await once(sockets[0]!, "end");
  t.equal(seen.length, length);
});

t.test("many clients that end at once are ended a few a turn, each once, after their data", async (t) => {
  const { seen, ends, sockets, clients, bytesOf } = await regulated(t, 30);
  clients[0]!.write(bulk(0));
  // At once, because all of it is read within some milliseconds.
  await once(sockets[0]!, "data");
  for (const client of clients) client.end();
  await eventually(() => ends.length === 30);
  t.ok(bytesOf(0).equals(bulk(0)), "all of its data was read");
  t.equal(ends.at(-1)!.from, 0, "and its end came after it");
  t.equal(new Set(ends.map(({ from }) => from)).size, 30);
  const perTurn = new Map<number, number>();
  for (const { turn } of ends) perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
  t.ok(Math.max(...perTurn.values()) <= 2, `${Math.max(...perTurn.values())} in a turn`);
  t.ok(
    ends.filter(({ from }) => from > 0).every(({ turn }) => turn <= seen.at(-1)!.turn),
    "the others do not wait for the large sender",
  );
});
