import cluster, { type Worker } from "node:cluster";
import { availableParallelism } from "node:os";
import { badValue, type Logger } from "@madang/runtime";

const FIRST_RESTART_MS = 200;
const LAST_RESTART_MS = 10_000;
/** A process that lived for this long starts again without delay. */
const HEALTHY_MS = 10_000;

/** How many processes `EDGE_PROCESSES` asks for: a number, or "auto" for one a core. @throws ConfigError */
export function processCount(setting: string): number {
  if (setting === "auto") return availableParallelism();
  const count = Number(setting);
  if (Number.isInteger(count) && count >= 1 && count <= 256) return count;
  throw badValue("EDGE_PROCESSES", "a whole number from 1 to 256, or auto", setting);
}

/** Whether this process is one of several that share a port. */
export const isOneOfMany = cluster.isWorker;

/** Says to who runs the processes that this one serves. Without effect in an edge of one process. */
export function tellServing(): void {
  if (isOneOfMany) process.send?.("serving");
}

/**
 * Runs several edges on one port: the kernel spreads the connections over them (`SO_REUSEPORT`), and they know no
 * more of each other than edges on two machines do. Processes and not threads: a crash takes one of them, each has
 * a heap and a collector of its own, and nothing is shared that threads could share faster.
 * A process that dies is started again; SIGTERM and SIGINT drain all, and the promise resolves when the last is gone. They
 * are passed on each time, so that a second one ends those that still drain; what did not end in order gives the exit code.
 * But when one gives up before any has ever served (the port is taken), all end, with its exit code: that would not be
 * better next time, and has to be seen by who started them.
 */
export function runProcesses(count: number, logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    let hasServed = false;
    let restarting: NodeJS.Timeout[] = [];
    let restartMs = FIRST_RESTART_MS;
    const startedAt = new Map<Worker, number>();
    const start = (): void => {
      if (!stopping) startedAt.set(cluster.fork(), performance.now());
    };
    cluster.on("exit", (worker, code, signal) => {
      const livedMs = performance.now() - (startedAt.get(worker) ?? 0);
      startedAt.delete(worker);
      if (!hasServed && !stopping && code > 0) {
        process.exitCode = code;
        stop();
      }
      if (stopping) {
        if (code > 0) process.exitCode = code;
        if (startedAt.size === 0) resolve();
        return;
      }
      restartMs = livedMs > HEALTHY_MS ? FIRST_RESTART_MS : Math.min(restartMs * 2, LAST_RESTART_MS);
      logger.warn({ worker: worker.process.pid, code, signal, restartMs }, "an edge process ended: starting another");
      restarting.push(setTimeout(start, restartMs));
    });
    const stop = (): void => {
      stopping = true;
      for (const timer of restarting) clearTimeout(timer);
      restarting = [];
      for (const worker of startedAt.keys()) worker.process.kill("SIGTERM");
      if (startedAt.size === 0) resolve();
    };
    cluster.on("message", () => {
      hasServed = true;
    });
    process.on("SIGTERM", stop).on("SIGINT", stop);
    for (let i = 0; i < count; i++) start();
  });
}
