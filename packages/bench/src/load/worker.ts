/** One thread of the generator: it runs a range of the connections. */
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { LoadConnection } from "./connection.ts";
import { nowUs } from "./marks.ts";
import { type Answer, COUNTER, type Command, PHASE, Tally, type Verdict, type WorkerData } from "./shared.ts";

const READ_BUFFER_BYTES = 256 * 1024;
/** Open loop: the latency of a message sent later than this starts when it was due, so that a stall hides none. */
const LATE_US = 2000;

const { plan, from, to, threads, tally: memory, phase, sent } = workerData as WorkerData;
const tally = new Tally(memory);
const thread = {
  plan,
  tally,
  phase: new Int32Array(phase),
  sent: new Int32Array(sent),
  readBuffer: Buffer.alloc(READ_BUFFER_BYTES),
};
const connections = Array.from({ length: to - from }, (_, i) => new LoadConnection(thread, from + i));

async function open(): Promise<string | undefined> {
  let next = 0;
  let firstProblem: string | undefined;
  const dial = async () => {
    for (let connection = connections[next++]; connection; connection = connections[next++]) {
      const problem = await connection.open();
      firstProblem ??= problem;
      tally.counters[problem ? COUNTER.failed : COUNTER.opened]!++;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.ceil(plan.dialing / threads)) }, dial));
  return firstProblem;
}

/** Closed loop: sends the first messages; each one that returns triggers the next. Open loop: sends all by the clock. */
async function publish(): Promise<void> {
  const publishers = connections.filter((connection) => connection.publishes);
  if (plan.rate === 0) {
    for (const publisher of publishers) for (let i = 0; i < plan.window; i++) publisher.publish();
    return;
  }
  const intervalUs = (plan.groups * plan.publishers * 1e6) / (plan.rate * publishers.length);
  let dueUs = nowUs();
  for (let i = 0; publishers.length > 0 && thread.phase[0] !== PHASE.stopped; ) {
    const now = nowUs();
    for (; dueUs <= now; dueUs += intervalUs) {
      publishers[i++ % publishers.length]!.publish(now - dueUs > LATE_US ? Math.round(dueUs) : now);
    }
    // A busy wait would be more precise, but would take processor time from the servers.
    await delay(Math.max(1, Math.floor((dueUs - nowUs()) / 1000)));
  }
}

function verify(): Verdict {
  const orders = new Map<string, Set<number>>();
  let lost = 0;
  for (const { group, order, received, seen } of connections) {
    const expected = thread.sent.subarray(group * plan.publishers, (group + 1) * plan.publishers);
    // `received` equals the number of distinct messages unless some arrived twice.
    lost += Math.max(0, expected.reduce((sum, count) => sum + count, 0) - received);
    if (plan.roomsPerGroup > 1 || seen.length === 0) continue;
    const key = `${group}/${received}`;
    orders.set(key, (orders.get(key) ?? new Set()).add(order));
  }
  return { lost, twice: tally.counters[COUNTER.twice]!, orders };
}

const port = parentPort!;
port.on("message", async (command: Command) => {
  const answer: { -readonly [K in keyof Answer]: Answer[K] } = { to: command };
  if (command === "open") answer.problem = await open();
  else if (command === "start") void publish();
  else if (command === "verify") answer.verdict = verify();
  else for (const connection of connections) connection.close();
  port.postMessage(answer satisfies Answer);
  if (command === "close") port.close();
});
