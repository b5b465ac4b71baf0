import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Histogram } from "./histogram.ts";
import { type Answer, COUNTER, type Command, type LoadPlan, PHASE, Tally, type WorkerData } from "./shared.ts";

/** The generator uses half of the machine's cores and leaves the other half to the servers. */
const THREADS = Math.max(1, Math.floor(availableParallelism() / 2));

export interface Check {
  /** Messages that did not reach a member, summed over all members. */
  readonly lost: number;
  /** Messages that arrived again, or after a later message of the same publisher. */
  readonly twice: number;
  /** Groups with members that saw the same number of messages in different orders. */
  readonly disordered: number;
}

/** A load on one server: clients in rooms, some of which publish. */
export class Generator {
  readonly plan: LoadPlan;
  readonly #workers: Worker[];
  readonly #tallies: Tally[];
  readonly #phase: Int32Array;

  constructor(plan: LoadPlan) {
    this.plan = plan;
    const connections = plan.groups * plan.members;
    const threads = Math.min(THREADS, connections);
    const phase = new SharedArrayBuffer(4);
    const sent = new SharedArrayBuffer(4 * plan.groups * plan.publishers);
    this.#phase = new Int32Array(phase);
    this.#tallies = Array.from({ length: threads }, () => new Tally());
    this.#workers = this.#tallies.map((tally, i) => {
      const share = (n: number) => Math.floor((connections * n) / threads);
      const workerData = { plan, from: share(i), to: share(i + 1), threads, tally: tally.memory, phase, sent };
      return new Worker(new URL("./worker.ts", import.meta.url), { workerData: workerData satisfies WorkerData });
    });
  }

  /** Opens all connections. @throws Error when one of them fails */
  async open(): Promise<void> {
    const answers = await this.#ask("open");
    const problem = answers.find((answer) => answer.problem)?.problem;
    if (problem) throw new Error(`${this.count("failed")} of the connections could not be opened: ${problem}`);
  }

  /** Starts publishing. Latency is not recorded yet. */
  async start(): Promise<void> {
    Atomics.store(this.#phase, 0, PHASE.warmUp);
    await this.#ask("start");
  }

  measure(): void {
    Atomics.store(this.#phase, 0, PHASE.measuring);
  }

  /** Stops publishing. Messages in transit still arrive and count. */
  stop(): void {
    Atomics.store(this.#phase, 0, PHASE.stopped);
  }

  count(counter: keyof typeof COUNTER): number {
    return this.#tallies.reduce((sum, tally) => sum + tally.counters[COUNTER[counter]]!, 0);
  }

  latency(): Histogram {
    return this.#sum((tally) => tally.latency);
  }

  opening(): Histogram {
    return this.#sum((tally) => tally.opening);
  }

  /** The utilization of the busiest thread since `since`. Near 1 the generator itself is the limit. */
  busiest(since: readonly ReturnType<Worker["performance"]["eventLoopUtilization"]>[]): number {
    return Math.max(...this.#workers.map((worker, i) => worker.performance.eventLoopUtilization(since[i]).utilization));
  }

  utilization(): ReturnType<Worker["performance"]["eventLoopUtilization"]>[] {
    return this.#workers.map((worker) => worker.performance.eventLoopUtilization());
  }

  /** Compares the messages of every member with the published ones. */
  async verify(): Promise<Check> {
    const verdicts = (await this.#ask("verify")).map((answer) => answer.verdict!);
    const orders = new Map<string, Set<number>>();
    for (const verdict of verdicts) {
      for (const [key, seen] of verdict.orders) orders.set(key, new Set([...(orders.get(key) ?? []), ...seen]));
    }
    const sum = (of: "lost" | "twice") => verdicts.reduce((total, verdict) => total + verdict[of], 0);
    const disordered = new Set([...orders].filter(([, seen]) => seen.size > 1).map(([key]) => key.split("/")[0]));
    return { lost: sum("lost"), twice: sum("twice"), disordered: disordered.size };
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    this.stop();
    await this.#ask("close");
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #sum(of: (tally: Tally) => Histogram): Histogram {
    const sum = new Histogram();
    for (const tally of this.#tallies) sum.add(of(tally));
    return sum;
  }

  #ask(command: Command): Promise<Answer[]> {
    return Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<Answer>((resolve, reject) => {
            const onMessage = (answer: Answer) => {
              if (answer.to !== command) return;
              worker.off("message", onMessage);
              worker.off("error", reject);
              resolve(answer);
            };
            worker.on("message", onMessage);
            worker.once("error", reject);
            worker.postMessage(command);
          }),
      ),
    );
  }
}
