import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Crowd, type CrowdOptions, within } from "./crowd.ts";
import { audit, type Verdict } from "./ledger.ts";
import { Random } from "./random.ts";
import { connectLog, readHistory, readStream } from "./stored.ts";
import type { Told } from "./view.ts";
import { World, type WorldOptions } from "./world.ts";

/** What the command line decides. */
export interface RunSettings {
  readonly seed: number;
  /** Faults of each kind. */
  readonly kills: number;
  /** How long the long faults last (mongod away). */
  readonly minutes: number;
  /** Shortens stops and storms, for the part that runs with every `npm test`. */
  readonly brief: boolean;
  readonly say: (line: string) => void;
}

/** One line of the table. */
export interface Result extends Verdict {
  readonly scenario: string;
  readonly faults: number;
  /** Longest time, in ms, for which a member was told nothing while there was talk. */
  readonly stallMs: number;
  /** The same of the clients that do not use the SDK, and so have no growing back-off. */
  readonly bareStallMs: number;
  /** Figures of the scenario's own. */
  readonly notes: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /** What happens, in one line. */
  readonly summary: string;
  run(settings: RunSettings): Promise<Result>;
}

export interface Trial {
  readonly world: World;
  readonly crowd: Crowd;
  /** To look into the log, and to harm it. */
  readonly jsm: JetStreamManager;
  readonly settings: RunSettings;
  readonly random: Random;
  /** Counts a fault, and says so. */
  fault(what: string): void;
  /** A figure for the table. */
  note(text: string): void;
  /** To be called after the log was deleted: it is made anew, and nothing of the old one is expected in it. */
  remade(): void;
  /** Something that must not be. */
  violation(text: string): void;
}

export interface TrialOptions {
  readonly world?: WorldOptions;
  readonly crowd?: CrowdOptions;
}

/** The SDK waits up to 20 s between attempts, an audit comes each 15 s. */
const VIEWS_LIMIT_MS = 60_000;
const HISTORY_LIMIT_MS = 60_000;

/**
 * Starts a world and a crowd, has `faults` happen while the crowd talks, waits until it is quiet, and compares
 * everything with everything.
 */
export async function trial(
  scenario: string,
  settings: RunSettings,
  options: TrialOptions,
  faults: (trial: Trial) => Promise<void>,
): Promise<Result> {
  const world = await World.start(options.world);
  let crowd: Crowd | undefined;
  let nc: Awaited<ReturnType<typeof connectLog>> | undefined;
  try {
    nc = await connectLog(world.natsUrl);
    crowd = await Crowd.gather(world, settings.seed, options.crowd);
    const notes: string[] = [];
    const remadeAt: number[] = [];
    const violations: string[] = [];
    let count = 0;
    const violation = (text: string) => {
      violations.push(text);
      settings.say(`VIOLATION: ${text}`);
    };
    const fault = (what: string) => {
      count++;
      settings.say(`${scenario}: fault ${count}: ${what} (${crowd!.acked.length} acknowledged)`);
    };
    crowd.startTalking();
    await faults({
      world,
      crowd,
      jsm: await jetstreamManager(nc),
      remade: () => remadeAt.push(performance.now()),
      settings,
      random: new Random(settings.seed, scenario),
      fault,
      note: (text) => notes.push(text),
      violation,
    });
    const stalls = await crowd.stopTalking();
    settings.say(`${scenario}: the faults are over, ${crowd.pending} sends wait for an answer`);
    if (!(await crowd.settled())) violation(`${crowd.pending} sends never got an answer`);
    for (const failure of crowd.failed) violation(`refused for good: ${failure}`);

    const log = await readStream(nc, crowd.rooms);
    const heads = new Map([...log.rooms].map(([room, stored]) => [room, stored.at(-1)?.seq ?? 0]));
    const complete = await within(VIEWS_LIMIT_MS, () =>
      crowd!.views.every(({ room, segments }) => {
        const current = segments.at(-1)!;
        const last = current.told.at(-1)?.seq ?? current.after;
        return current.epoch === log.epoch && last >= heads.get(room)!;
      }),
    );
    if (!complete) violation(`a member is not complete after ${VIEWS_LIMIT_MS / 1000} s`);
    settings.say(`${scenario}: every member is complete, or the wait is over`);
    const history = new Map<string, Told[]>();
    const projected = await within(HISTORY_LIMIT_MS, async () => {
      for (const room of crowd!.rooms) {
        const read = await readHistory(world.edges[0]!.url, room).catch(() => undefined);
        if (!read) return false;
        history.set(room, read);
        const present = read.filter(({ epoch }) => epoch === log.epoch);
        if ((present.at(-1)?.seq ?? 0) < heads.get(room)!) return false;
      }
      return true;
    });
    if (!projected) violation(`history is not complete after ${HISTORY_LIMIT_MS / 1000} s`);
    const { acked, views, answeredTwice } = crowd;
    if (remadeAt.length === 0) {
      for (const view of views) if (view.refused > 0) violation(`${view.member} was not recovered in ${view.room}`);
    }
    const verdict = audit({ acked, views, log, history, answeredTwice, remadeAt });
    if (verdict.goneWithLog > 0) notes.push(`${verdict.goneWithLog} went with the old log before they were projected`);
    return {
      ...verdict,
      problems: [...violations, ...verdict.problems],
      scenario,
      faults: count,
      stallMs: stalls.all,
      bareStallMs: stalls.bare,
      notes,
    };
  } finally {
    crowd?.close();
    await nc?.close();
    await world.stop();
  }
}
