import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Crowd, type CrowdOptions, within } from "./crowd.ts";
import { audit, type Verdict } from "./ledger.ts";
import { Random } from "./random.ts";
import { connectLog, readHistory, readStream } from "./stored.ts";
import type { MessageRecord } from "./view.ts";
import { World, type WorldOptions } from "./world.ts";

/** The settings from the command line. */
export interface RunSettings {
  readonly seed: number;
  /** Faults per scenario. */
  readonly kills: number;
  /** Length of long faults, such as mongod-down. */
  readonly minutes: number;
  /** Number of NATS servers, unless the scenario sets it. */
  readonly natsServers: number;
  /** Shortens stops and storms, for the scenarios in `npm test`. */
  readonly brief: boolean;
  readonly say: (line: string) => void;
}

/** One row of the table. */
export interface Result extends Verdict {
  readonly scenario: string;
  readonly faults: number;
  /** Longest time in ms without a message at some member, while the crowd sent. */
  readonly stallMs: number;
  /** The same over the clients without the SDK, which reconnect without a growing backoff. */
  readonly bareStallMs: number;
  /** Further figures of the scenario. */
  readonly notes: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  run(settings: RunSettings): Promise<Result>;
}

export interface Trial {
  readonly world: World;
  readonly crowd: Crowd;
  /** For scenarios that read or damage the log. */
  readonly jsm: JetStreamManager;
  readonly settings: RunSettings;
  readonly random: Random;
  /** Counts and reports a fault. */
  fault(description: string): void;
  /** Adds a figure to the table. */
  note(text: string): void;
  /** Records that the log was deleted. The check then expects no earlier message in the new log. */
  noteDeletion(): void;
  /** Records a broken guarantee. */
  violation(text: string): void;
}

export interface TrialOptions {
  readonly world?: WorldOptions;
  readonly crowd?: CrowdOptions;
}

/** The SDK waits up to 20 s between attempts, and an edge audits its rooms every 15 s. */
const VIEWS_LIMIT_MS = 60_000;
const HISTORY_LIMIT_MS = 60_000;

/**
 * Starts a system and a crowd, runs `faults` while the crowd sends, waits until all sends are answered, and compares the
 * acknowledgements, the members' views, the log and history with each other.
 */
export async function trial(
  scenario: string,
  settings: RunSettings,
  options: TrialOptions,
  faults: (trial: Trial) => Promise<void>,
): Promise<Result> {
  const world = await World.start({ natsServers: settings.natsServers, ...options.world });
  let crowd: Crowd | undefined;
  let nc: Awaited<ReturnType<typeof connectLog>> | undefined;
  try {
    nc = await connectLog(world.natsUrl);
    crowd = await Crowd.gather(world, settings.seed, options.crowd);
    const notes: string[] = [];
    const deletedAt: number[] = [];
    const violations: string[] = [];
    let count = 0;
    const violation = (text: string) => {
      violations.push(text);
      settings.say(`VIOLATION: ${text}`);
    };
    const fault = (description: string) => {
      count++;
      settings.say(`${scenario}: fault ${count}: ${description} (${crowd!.acked.length} acknowledged)`);
    };
    crowd.startTalking();
    await faults({
      world,
      crowd,
      jsm: await jetstreamManager(nc),
      noteDeletion: () => deletedAt.push(performance.now()),
      settings,
      random: new Random(settings.seed, scenario),
      fault,
      note: (text) => notes.push(text),
      violation,
    });
    const stalls = await crowd.stopTalking();
    settings.say(`${scenario}: all faults are done, ${crowd.pending} sends are unanswered`);
    if (!(await crowd.settled())) violation(`${crowd.pending} sends were never answered`);
    for (const failure of crowd.failed) violation(`refused for good: ${failure}`);

    const log = await readStream(nc, crowd.rooms);
    const heads = new Map([...log.rooms].map(([room, stored]) => [room, stored.at(-1)?.seq ?? 0]));
    const complete = await within(VIEWS_LIMIT_MS, () =>
      crowd!.views.every(({ room, segments }) => {
        const current = segments.at(-1)!;
        const last = current.received.at(-1)?.seq ?? current.after;
        return current.epoch === log.epoch && last >= heads.get(room)!;
      }),
    );
    if (!complete) violation(`a member lacks messages after ${VIEWS_LIMIT_MS / 1000} s`);
    settings.say(`${scenario}: every member is complete, or the time limit has passed`);
    const history = new Map<string, MessageRecord[]>();
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
    if (!projected) violation(`history lacks messages after ${HISTORY_LIMIT_MS / 1000} s`);
    const { acked, views, answeredTwice } = crowd;
    if (deletedAt.length === 0) {
      for (const view of views) if (view.refused > 0) violation(`${view.member} was not recovered in ${view.room}`);
    }
    const verdict = audit({ acked, views, log, history, answeredTwice, deletedAt });
    if (verdict.goneWithLog > 0) notes.push(`${verdict.goneWithLog} lost with the deleted log before they were stored`);
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
