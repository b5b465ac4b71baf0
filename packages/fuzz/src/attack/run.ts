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
  /** Of calm, then of calm on a busy machine, then of attack. */
  readonly seconds: number;
  readonly warmUpS: number;
  /** From the end of the attack to the last look at the memory. */
  readonly recoveryS: number;
  /** 1: the counts that a scenario names. */
  readonly scale: number;
  /** Over the scenario's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Result {
  readonly scenario: string;
  readonly summary: string;
  readonly calm: HonestReport;
  /** Calm, while a loop that sends nothing takes most of a core, as the attacker will. */
  readonly busy: HonestReport;
  readonly during: HonestReport;
  readonly after: HonestReport;
  readonly attack: Counts;
  readonly edge: EdgeUse;
  /** Resident, MiB. */
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
  /** In use on the heap and in buffers, MiB. */
  readonly heap: { readonly before: number; readonly after: number };
  /** How often the edge's event loop stood still for more than 200 ms of its own CPU time. */
  readonly stalls: number;
  /** What broke inside, in words. */
  readonly damage: readonly string[];
}

/**
 * A system of its own for the scenario: calm, the attack, and what is left afterwards. On a machine of few cores any busy
 * process costs the others some milliseconds now and then, so an attack is measured against a busy machine without it.
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
    // For that the edge stood still: who had to wait for it does not count.
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
