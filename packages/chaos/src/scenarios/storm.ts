import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { Latencies } from "../latency.ts";
import type { StormOrder, StormState } from "../storm-clients.ts";
import { type Scenario, type Trial, trial } from "../trial.ts";

const MEMBERS = 5000;
const BRIEF_MEMBERS = 300;
const PROCESSES = 4;
const ROOMS = 50;
const NEIGHBOURS = 2;
const GATHER_LIMIT_MS = 180_000;
const RESUME_LIMIT_MS = 30_000;
const BASE_MS = 15_000;
/** About the length of the storm. */
const BUSY_MS = 10_000;
const SPEAK_EVERY_MS = 20;
/** Interval of the messages in the storm rooms, which members miss while they are disconnected. */
const STORM_ROOM_EVERY_MS = 50;

export const storm = stormOf({
  name: "storm",
  summary: "the edge of 5,000 members is killed: all resume on other edges, and other rooms stay fast",
  isApart: false,
});

/** The control of {@link storm}: a slowdown here comes from the shared machine, not from the measured edges. */
export const stormApart = stormOf({
  name: "storm-apart",
  summary: "the same, but the 5,000 members go to edges without other rooms",
  isApart: true,
});

function stormOf({ name, summary, isApart }: { name: string; summary: string; isApart: boolean }): Scenario {
  const run: Scenario["run"] = (settings) =>
    trial(
      name,
      settings,
      { world: { edges: isApart ? 5 : 3 }, crowd: { sdkClients: 2, rawClients: 2 } },
      async (trial) => {
        const members = trial.settings.brief ? BRIEF_MEMBERS : MEMBERS;
        const processes: StormProcess[] = [];
        try {
          await stormIn(trial, members, processes);
        } finally {
          for (const process of processes) process.stop();
        }
      },
    );
  return { name, summary, run };
}

async function stormIn(trial: Trial, members: number, processes: StormProcess[]): Promise<void> {
  const { world, crowd, settings, fault, note, violation } = trial;
  const [victim, ...left] = world.edges;
  /** The edges of the neighbours, and the edges to which the members go. */
  const [others, targets] = [left.slice(0, NEIGHBOURS), left.slice(-NEIGHBOURS)];
  const rooms = Array.from({ length: ROOMS }, (_, i) => `storm-${i}`);
  const order: StormOrder = {
    first: websocket(victim!.url),
    others: targets.map(({ url }) => websocket(url)),
    members: members / PROCESSES,
    rooms,
  };
  for (let i = 0; i < PROCESSES; i++) processes.push(StormProcess.start(order));
  const total = (count: (state: StormState) => number) =>
    processes.reduce((sum, { state }) => sum + (state ? count(state) : 0), 0);
  if (!(await within(GATHER_LIMIT_MS, () => total(({ joined }) => joined) === members))) {
    return violation(`only ${total(({ joined }) => joined)} members have joined`);
  }
  settings.say(`storm: ${members} members on ${victim!.name}`);

  // One neighbour per remaining edge, in rooms outside of the storm.
  const latencies = new Latencies();
  const stop = new AbortController();
  const neighbours = await Promise.all(others.map(({ url }, i) => crowd.add(`neighbour-${i + 1}`, url)));
  const talk = neighbours.map(async (neighbour) => {
    while (!stop.signal.aborted) {
      const startedAt = performance.now();
      void neighbour.say().then(() => latencies.add(performance.now() - startedAt));
      await delay(SPEAK_EVERY_MS);
    }
  });
  const sent = new Map(rooms.map((room) => [room, 0]));
  const sendToStormRooms = async () => {
    for (let i = 0; !stop.signal.aborted; i++) {
      const room = rooms[i % rooms.length]!;
      void post(targets[i % targets.length]!.url, room, `storm ${i}`, () => sent.set(room, sent.get(room)! + 1));
      await delay(STORM_ROOM_EVERY_MS);
    }
  };
  await crowd.stopTalking();
  const stormTalk = sendToStormRooms();
  await delay(settings.brief ? 2000 : BASE_MS);
  const base = latencies.take();
  await keepCoresBusy(settings.brief ? 0 : BUSY_MS);
  const busy = latencies.take();

  fault(`kill -9 of ${victim!.name} with ${members} members`);
  const killedAt = performance.now();
  await victim!.kill("SIGKILL");
  const resumed = await within(2 * RESUME_LIMIT_MS, () => total((state) => state.resumed) === members);
  const resumedMs = performance.now() - killedAt;
  const during = latencies.take();
  stop.abort();
  await Promise.all([...talk, stormTalk]);
  const isComplete = () =>
    processes.every(({ state }) =>
      rooms.every(
        (room) => state?.received[room]?.min === sent.get(room) && state?.received[room]?.max === sent.get(room),
      ),
    );
  const complete = await within(RESUME_LIMIT_MS, isComplete);
  await victim!.restart();

  note(`${total((state) => state.resumed)} of ${members} resumed in ${(resumedMs / 1000).toFixed(1)} s`);
  if (!resumed || (!settings.brief && resumedMs > RESUME_LIMIT_MS)) violation("not all members resumed within 30 s");
  if (!complete) violation("a member of a storm room has a gap or a duplicate");
  if (total((state) => state.refused) > 0) violation(`${total((state) => state.refused)} members were not recovered`);
  if (total((state) => state.outOfOrder) > 0) violation("a member received messages out of order");
  note(`${complete ? 0 : "some"} gaps`);
  const [before, after] = [base.quantile(0.99), during.quantile(0.99)];
  note(`publish p50 elsewhere ${base.quantile(0.5).toFixed(1)} → ${during.quantile(0.5).toFixed(1)} ms`);
  note(`p99 ${before.toFixed(1)} → ${after.toFixed(1)} ms`);
  if (!settings.brief) note(`p99 with a busy loop on every core ${busy.quantile(0.99).toFixed(1)} ms`);
  if (!settings.brief && targets[0] === others[0] && after > 2 * before)
    violation("publish p99 elsewhere more than doubled");
}

/** The control: one process on each core that uses processor time and sends nothing. */
async function keepCoresBusy(ms: number): Promise<void> {
  if (ms === 0) return;
  const entry = join(import.meta.dirname, "../busy-loop.ts");
  const loops = Array.from({ length: availableParallelism() }, () => fork(entry));
  await delay(ms);
  for (const loop of loops) loop.kill("SIGKILL");
}

class StormProcess {
  state: StormState | undefined;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on("message", (state) => {
      this.state = state as StormState;
    });
  }

  static start(order: StormOrder): StormProcess {
    const process = fork(join(import.meta.dirname, "../storm-clients.ts"));
    process.send(order);
    return new StormProcess(process);
  }

  stop(): void {
    this.#process.kill("SIGKILL");
  }
}

/** Sends a message over HTTP. */
async function post(url: string, room: string, message: string, stored: () => void): Promise<void> {
  const response = await fetch(`${url}/v1/rooms/${room}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": message.replace(" ", "-") },
    body: JSON.stringify({ message, user: "bot" }),
  });
  await response.body?.cancel();
  if (response.ok) stored();
}

function websocket(url: string): string {
  return `${url.replace("http:", "ws:")}/ws`;
}
