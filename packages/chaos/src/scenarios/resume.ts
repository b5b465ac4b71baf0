import { type DownFrame, SUBPROTOCOL } from "@madang/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { WebSocket } from "ws";
import { within } from "../crowd.ts";
import { RawClient } from "../raw-client.ts";
import { connectLog, readHistory, STREAM } from "../stored.ts";
import type { Result, RunSettings, Scenario } from "../trial.ts";
import { World } from "../world.ts";

const ROOM = "yard";
const MESSAGES = 40;
const SHORT_AGE_MS = 1000;
const LIMIT_MS = 30_000;

export const resume: Scenario = {
  name: "resume",
  summary:
    "F2: positions of another epoch, ahead of the log, and older than the log with and without history are answered",
  run: async (settings) => {
    const world = await World.start({ edges: 1, persistences: 1 });
    try {
      return await resumeIn(world, settings);
    } finally {
      await world.stop();
    }
  },
};

async function resumeIn(world: World, { say }: RunSettings): Promise<Result> {
  const problems: string[] = [];
  const expect = (claim: string, holds: boolean) => {
    say(`resume: ${claim}: ${holds ? "yes" : "NO"}`);
    if (!holds) problems.push(`does not hold: ${claim}`);
  };
  const edgeUrl = world.edges[0]!.url;
  const speaker = new RawClient("speaker", [ROOM], () => world.dial());
  const seqs: number[] = [];
  let epoch = "";
  for (let i = 1; i <= MESSAGES; i++) {
    const place = await speaker.send(ROOM, `#${i} `, `n${i}`);
    seqs.push(place.seq);
    epoch = place.epoch;
  }
  const all = (from: number) => seqs.filter((seq) => seq > from).join();
  const middle = seqs[MESSAGES / 2]!;

  const live = await join(world, `${epoch}.${middle}`);
  expect(
    "a position in the log is recovered, with all later messages",
    live.recovered && live.seqs.join() === all(middle),
  );
  const foreign = await join(world, `${"0".repeat(9)}.${middle}`);
  expect("a position of another epoch is answered: not recovered", !foreign.recovered && foreign.seqs.length === 0);
  const ahead = await join(world, `${epoch}.${seqs.at(-1)! + 1000}`);
  expect("a position ahead of the log is answered: not recovered", !ahead.recovered && ahead.seqs.length === 0);

  await within(LIMIT_MS, async () => (await readHistory(edgeUrl, ROOM).catch(() => [])).length === MESSAGES);
  await ageOut(world);
  // A restart empties the rings of the edge and leaves only the log and history.
  await world.kill(world.edges[0]!, 0);
  const old = await join(world, `${epoch}.${middle}`);
  expect("a position older than the log is recovered from history", old.recovered && old.seqs.join() === all(middle));
  await Promise.all(world.persistences.map((child) => child.kill("SIGKILL")));
  await world.kill(world.edges[0]!, 0);
  const lost = await join(world, `${epoch}.${middle}`);
  expect("a position older than the log, without history, is answered: not recovered", !lost.recovered);
  speaker.close();
  return {
    scenario: "resume",
    faults: 4,
    acknowledged: MESSAGES,
    lost: 0,
    duplicated: 0,
    disordered: 0,
    goneWithLog: 0,
    stallMs: 0,
    bareStallMs: 0,
    problems,
    notes: ["5 kinds of position"],
  };
}

/** Makes all messages leave the log by age. */
async function ageOut(world: World): Promise<void> {
  const nc = await connectLog(world.nats.url);
  try {
    const jsm = await jetstreamManager(nc);
    const { config } = await jsm.streams.info(STREAM);
    const { max_age, duplicate_window } = config;
    await jsm.streams.update(STREAM, { max_age: nanos(SHORT_AGE_MS), duplicate_window: nanos(SHORT_AGE_MS) });
    await within(LIMIT_MS, async () => (await jsm.streams.info(STREAM)).state.messages === 0);
    await jsm.streams.update(STREAM, { max_age, duplicate_window });
  } finally {
    await nc.close();
  }
}

/** Joins from a position. @returns the answer, and the messages before `caughtUp` */
function join(world: World, after: string): Promise<{ recovered: boolean; seqs: number[] }> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(world.dial(), SUBPROTOCOL, { perMessageDeflate: false });
    const limit = setTimeout(() => ws.terminate(), LIMIT_MS);
    const seqs: number[] = [];
    let recovered = false;
    ws.on("open", () => ws.send(JSON.stringify({ type: "hello", user: "reader", join: [{ room: ROOM, after }] })));
    ws.on("message", (data) => {
      const frame = JSON.parse(String(data)) as DownFrame;
      if (frame.type === "joined") recovered = frame.recovered;
      if (frame.type === "message") seqs.push(frame.seq);
      if (frame.type !== "caughtUp") return;
      clearTimeout(limit);
      ws.terminate();
      resolve({ recovered, seqs });
    });
    ws.on("error", () => {});
    ws.on("close", () => reject(new Error(`The join after ${after} was not answered.`)));
  });
}
