import { join } from "node:path";
import { HELP_OPTION, namedOption, numberOption, readArguments } from "@madang/runtime";
import { DEFAULT_PEERS, PEERS, QUICK_PEERS } from "./peers/index.ts";
import type { Peer } from "./peers/peer.ts";
import { SCALE_SCENARIOS, SCENARIOS } from "./scenarios/index.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const ROOT = join(import.meta.dirname, "../../..");
export const RESULTS_FILE = "results.json";
export const DEFAULT_OUT = join(ROOT, ".cache/bench");
const IMAGES = join(ROOT, "docs/images");
export const BASELINE = join(import.meta.dirname, "../baseline.json");

/** Longer at full load says nothing more, and a machine has other things to do. */
const MAX_SECONDS = 60;
const MAX_REPEAT = 20;

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Peer[];
  readonly seconds: number;
  readonly warmUpS: number;
  /** Runs of everything; the median is reported. */
  readonly repeat: number;
  readonly quick: boolean;
  readonly json: boolean;
  /** Where results, tables and charts are written. */
  readonly out: string;
  readonly writesBaseline: boolean;
}

/** @returns undefined when help was asked for. @throws UsageError */
export function readOptions(args: readonly string[]): Options | undefined {
  const string = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = readArguments({
    args: [...args],
    options: {
      ...{ scenario: string, peer: string, seconds: string, repeat: string, out: string, "warm-up": string },
      ...{ quick: flag, scale: flag, json: flag, baseline: flag, help: HELP_OPTION },
    },
  });
  if (values.help) return undefined;
  const available = values.scale ? SCALE_SCENARIOS : SCENARIOS;
  const { quick } = values;
  return {
    scenarios: namedOption("scenario", values.scenario, [...SCENARIOS, ...SCALE_SCENARIOS], available),
    peers: namedOption("peer", values.peer, PEERS, quick ? QUICK_PEERS : DEFAULT_PEERS),
    seconds: numberOption("seconds", values.seconds, { byDefault: quick ? 2 : 5, min: 1, max: MAX_SECONDS }),
    warmUpS: numberOption("warm-up", values["warm-up"], { byDefault: quick ? 1 : 10, min: 0, max: MAX_SECONDS }),
    repeat: numberOption("repeat", values.repeat, { byDefault: 1, min: 1, max: MAX_REPEAT, whole: true }),
    quick,
    json: values.json,
    out: values.out ?? (values.scale ? IMAGES : DEFAULT_OUT),
    writesBaseline: values.baseline,
  };
}

export const HELP = `Measures Madang beside Socket.IO, Centrifugo and the tutorial, on this machine, in one run.

  npm run bench                     everything (about 12 minutes)
  npm run bench -- --quick          smaller sizes, in about two minutes
  npm run bench -- --scale          cost as work grows; charts into docs/images
  npm run bench:compare             what got slower since the baseline

Options:
  --scenario a,b   ${SCENARIOS.map(({ name }) => name).join(", ")};
                   with --scale: ${SCALE_SCENARIOS.map(({ name }) => name).join(", ")}
  --peer a,b       ${PEERS.map(({ name }) => name).join(", ")}
  --seconds n      measured at full load (5; 2 with --quick)
  --warm-up n      seconds of the same load before, in which nothing is counted (10; 1 with --quick)
  --repeat n       runs of everything, of which the median is reported (1)
  --out dir        where results.json, results.md and the charts go (.cache/bench)
  --json           results on standard output as JSON, not as Markdown
  --baseline       keep the results as the baseline of bench:compare

A peer that is not installed is passed over, with a line that says how to get it. CENTRIFUGO_BIN is Centrifugo's binary,
BENCH_NODE_ARGS are options for the Node of our services, such as --cpu-prof. NATS_SYNC=1s has our log forced to the disk
once a second, as npm start does; by default it is before each acknowledgement, as in production.
Exit codes: 0 done, 1 something failed or Madang lost or doubled a message, 2 wrong command line, 130 stopped by Ctrl-C.
A timing never fails a run.
`;
