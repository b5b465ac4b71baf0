import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { STALL_MARK } from "../stall-probe.ts";
import { System } from "../system.ts";
import type { AttackerTask } from "./attacker.ts";
import { type EdgeUse, EdgeWatch } from "./edge-watch.ts";
import { Helper } from "./helper.ts";
import type { HonestReport, HonestTask } from "./honest.ts";
import { DEFAULT_LIMITS, type Scenario } from "./scenarios.ts";
import type { Counts } from "./tally.ts";

const HONEST = join(import.meta.dirname, "honest.ts");
const ATTACKER = join(import.meta.dirname, "attacker.ts");
const ROOMS = 10;
const MEMBERS_PER_ROOM = 5;

export interface RunSettings {
  /** Length of each phase: calm, busy machine, attack. */
  readonly seconds: number;
  readonly warmUpS: number;
  /** Time from the end of the attack to the last memory measurement. */
  readonly recoveryS: number;
  /** Share of the scenario's counts. */
  readonly scale: number;
  /** Overrides the scenario's settings. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Result {
  readonly scenario: string;
  readonly summary: string;
  readonly calm: HonestReport;
  /** Without an attack, while a busy loop takes most of a core, as the attacker will. */
  readonly busy: HonestReport;
  readonly during: HonestReport;
  readonly after: HonestReport;
  readonly attack: Counts;
  readonly edge: EdgeUse;
  /** Resident memory in MiB. */
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
  /** Memory in use on the heap and in buffers, in MiB. */
  readonly heap: { readonly before: number; readonly after: number };
  /** Number of times that one task blocked the edge's event loop for more than 200 ms of CPU time. */
  readonly stalls: number;
  /** Faults inside the services, one line each. */
  readonly damage: readonly string[];
}

/**
 * Starts a system and measures three phases: calm, busy machine, and attack, then the recovery. On a machine with few cores
 * any busy process delays the others by some milliseconds, so the busy machine is the base of the comparison.
 */
export async function runScenario(scenario: Scenario, settings: RunSettings): Promise<Result> {
  const system = await System.start({ ...DEFAULT_LIMITS, ...scenario.env, ...settings.env });
  const { port } = system.edge;
  const watch = new EdgeWatch(system.edge);
  const honestTask: HonestTask = { port, rooms: ROOMS, membersPerRoom: MEMBERS_PER_ROOM };
  const honest = Helper.start<HonestReport>(HONEST, honestTask);
  const { attacks, addresses, share = 1 } = scenario;
  const attackerTask: AttackerTask = { attacks, target: { port, addresses }, scale: settings.scale * share };
  const attacker = Helper.start<Counts>(ATTACKER, attackerTask);
  try {
    await delay(settings.warmUpS * 1000);
    await honest.ask();
    await delay(settings.seconds * 1000);
    const calm = await honest.ask();
    const heapBefore = await watch.heapMiB();
    // Discard this report: the garbage collection blocked the edge.
    await honest.ask();
    await attacker.ask();
    await delay(settings.seconds * 1000);
    const busy = await honest.ask();
    const rssBefore = watch.residentMiB();

    watch.takePeakMiB();
    watch.takeUse();
    await attacker.ask();
    await delay(settings.seconds * 1000);
    const edge = watch.takeUse();
    const counts = await attacker.ask();
    const during = await honest.ask();
    await attacker.stop();
    const peak = watch.takePeakMiB();

    await delay(settings.recoveryS * 1000);
    const after = await honest.ask();
    const damage = await system.damage();
    return {
      scenario: scenario.name,
      summary: scenario.summary,
      calm,
      busy,
      during,
      after,
      attack: counts,
      edge,
      memory: { before: rssBefore, peak, after: watch.residentMiB() },
      heap: { before: heapBefore, after: await watch.heapMiB() },
      stalls: damage.filter((line) => line.includes(STALL_MARK)).length,
      damage: damage.filter((line) => !line.includes(STALL_MARK)),
    };
  } finally {
    watch.close();
    await attacker.stop();
    await honest.stop();
    await system.stop();
  }
}
