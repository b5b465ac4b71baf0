import { setTimeout as delay } from "node:timers/promises";
import { Generator } from "./load/generator.ts";
import type { LoadPlan } from "./load/shared.ts";
import type { Measurement, Metrics } from "./metrics.ts";
import type { Peer, System } from "./peers/peer.ts";
import { usageOf } from "./proc.ts";

/** Without a delivery for this long no message is in transit any more. */
const QUIET_MS = 400;
const SETTLE_LIMIT_MS = 20_000;
const POLL_INTERVAL_MS = 100;

export type Shape = Omit<LoadPlan, "wire" | "addresses">;

/** The default load. */
export const SHAPE: Shape = {
  groups: 1,
  roomsPerGroup: 1,
  members: 100,
  publishers: 1,
  window: 4,
  rate: 0,
  size: 100,
  roomPrefix: "bench",
  dialing: 64,
};

/** Opens the connections of a generator, runs `use` with it, and closes them. */
export async function withLoad<T>(plan: LoadPlan, use: (generator: Generator) => Promise<T>): Promise<T> {
  const generator = new Generator(plan);
  try {
    await generator.open();
    return await use(generator);
  } finally {
    await generator.close();
  }
}

/** Plans a load for a peer. Defaults come from {@link SHAPE}. */
export function planFor(peer: Peer, system: System, shape: Partial<Shape>): LoadPlan {
  return { ...SHAPE, ...shape, wire: peer.wire, addresses: system.addresses };
}

export interface Span {
  readonly warmUpS: number;
  readonly seconds: number;
}

/**
 * Publishes and measures for the given span. The servers' CPU time counts until every published message is delivered and,
 * where there is a database, stored: work that a server defers is not free.
 */
export async function measureLoad(
  generator: Generator,
  system: System,
  { warmUpS, seconds }: Span,
): Promise<Pick<Measurement, "metrics" | "cpuBy">> {
  const pids = system.processes.map((child) => child.pid);
  const storedBefore = (await system.stored?.()) ?? 0;
  await generator.start();
  await delay(warmUpS * 1000);

  const before = sample(generator, pids);
  const busyBefore = generator.utilization();
  generator.measure();
  await delay(seconds * 1000);
  const after = sample(generator, pids);
  const generatorBusy = generator.busiest(busyBefore);
  generator.stop();
  await settle(generator, system, storedBefore);
  const settled = sample(generator, pids);

  const elapsedS = (after.atMs - before.atMs) / 1000;
  const deliveries = settled.delivered - before.delivered;
  const cpuBy = settled.usage.map(({ cpuS }, i) => ((cpuS - before.usage[i]!.cpuS) * 1e6) / deliveries);
  const cores = (key: "serverCpuS" | "generatorCpuS") => (after[key] - before[key]) / elapsedS;
  const latency = generator.latency();
  const metrics: Metrics = {
    deliveriesPerS: (after.delivered - before.delivered) / elapsedS,
    messagesPerS: (after.published - before.published) / elapsedS,
    cpuUs: cpuBy.reduce((sum, us) => sum + us, 0),
    p50Ms: latency.quantileMs(0.5),
    p99Ms: latency.quantileMs(0.99),
    maxMs: latency.maxMs,
    rssMb: after.rssBytes / 1e6,
    serverCores: cores("serverCpuS"),
    generatorCores: cores("generatorCpuS"),
    generatorBusy,
    errors: generator.count("errors"),
    ...(await generator.verify()),
  };
  const names = system.processes.map((child) => child.name);
  return { metrics, cpuBy: Object.fromEntries(names.map((name, i) => [name, cpuBy[i]!])) };
}

function sample(generator: Generator, pids: readonly number[]) {
  const usage = usageOf(pids);
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    delivered: generator.count("delivered"),
    published: generator.count("published"),
    usage,
    serverCpuS: usage.reduce((sum, { cpuS }) => sum + cpuS, 0),
    rssBytes: usage.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    generatorCpuS: (user + system) / 1e6,
  };
}

/** Waits until no message is in transit, for 20 s at most. The verification then counts missing messages. */
async function settle(generator: Generator, system: System, storedBefore: number): Promise<void> {
  const limitAt = performance.now() + SETTLE_LIMIT_MS;
  let delivered = -1;
  let changedAt = 0;
  while (performance.now() < limitAt) {
    const now = generator.count("delivered");
    if (now !== delivered) changedAt = performance.now();
    delivered = now;
    if (performance.now() - changedAt >= QUIET_MS) {
      const stored = await system.stored?.();
      if (stored === undefined || stored - storedBefore >= generator.count("published")) return;
    }
    await delay(POLL_INTERVAL_MS);
  }
}
