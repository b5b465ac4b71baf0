import { type Measurement, medianOf } from "./metrics.ts";
import type { Options } from "./options.ts";
import { OURS } from "./peers/index.ts";
import { MissingError, type Peer } from "./peers/peer.ts";

export interface Outcome {
  readonly measurements: readonly Measurement[];
  /** One line each. */
  readonly problems: readonly string[];
}

/** Runs each scenario with each peer in turn, so that compared figures are measured close in time. */
export async function runBench(options: Options, say: (line: string) => void): Promise<Outcome> {
  const missing = new Set<Peer>();
  const problems: string[] = [];
  const runs = new Map<string, Measurement[]>();
  for (let run = 1; run <= options.repeat; run++) {
    for (const scenario of options.scenarios) {
      for (const peer of options.peers) {
        if (missing.has(peer) || (scenario.only && !scenario.only.includes(peer.name))) continue;
        say(`${options.repeat > 1 ? `run ${run}/${options.repeat}, ` : ""}${scenario.name}: ${peer.title}`);
        try {
          for (const measurement of await scenario.run(peer, { ...options, say })) {
            const key = [measurement.scenario, measurement.peer, measurement.step].join(" ");
            runs.set(key, [...(runs.get(key) ?? []), measurement]);
            problems.push(...problemsOf(measurement));
          }
        } catch (error) {
          const { message } = error as Error;
          if (error instanceof MissingError) missing.add(peer);
          else problems.push(`${scenario.name}: ${peer.title}: ${message}`);
          say(`  ${error instanceof MissingError ? "skipped" : "failed"}: ${message}`);
        }
      }
    }
  }
  return { measurements: [...runs.values()].map(medianOf), problems };
}

/** Faults of Madang: messages lost, doubled or out of order, and connections lost. */
function problemsOf({ scenario, step, peer, metrics }: Measurement): string[] {
  if (!peer.startsWith(OURS)) return [];
  return (["lost", "twice", "disordered", "errors"] as const).flatMap((metric) =>
    metrics[metric] ? [`${scenario}${step === undefined ? "" : ` ${step}`}: ${metric} ${metrics[metric]}`] : [],
  );
}
