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

/** A longer time at full load gives no better figures. */
const MAX_SECONDS = 60;
const MAX_REPEAT = 20;

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Peer[];
  readonly seconds: number;
  readonly warmUpS: number;
  /** Number of runs; the median is reported. */
  readonly repeat: number;
  readonly quick: boolean;
  readonly json: boolean;
  /** Directory of results, tables and charts. */
  readonly out: string;
  readonly writesBaseline: boolean;
}

/** @returns undefined for --help. @throws UsageError */
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

export const HELP = `Measures Madang, Socket.IO, Centrifugo and the Django Channels tutorial on this machine, in one run.

  npm run bench                     all scenarios (about 12 minutes)
  npm run bench -- --quick          smaller sizes (about 2 minutes)
  npm run bench -- --scale          cost at growing sizes; writes charts into docs/images
  npm run bench:compare             compares the results with the baseline

Options:
  --scenario a,b   ${SCENARIOS.map(({ name }) => name).join(", ")};
                   with --scale: ${SCALE_SCENARIOS.map(({ name }) => name).join(", ")}
  --peer a,b       ${PEERS.map(({ name }) => name).join(", ")}
  --seconds n      measured time at full load (default 5; 2 with --quick)
  --warm-up n      time at the same load before, in seconds (default 10; 1 with --quick)
  --repeat n       number of runs; the median is reported (default 1)
  --out dir        directory of results.json, results.md and the charts (default .cache/bench)
  --json           writes the results as JSON, not as Markdown, to standard output
  --baseline       keeps the results as the baseline of bench:compare
  --help

Environment variables:
  CENTRIFUGO_BIN   path of Centrifugo's binary
  BENCH_NODE_ARGS  Node options for Madang's services, such as --cpu-prof
  NATS_SYNC=1s     flushes Madang's log once a second, as npm start does (default: before each acknowledgement)

A peer that is not installed is skipped, and a line says how to install it.
Exit codes: 0 done, 1 a scenario failed or Madang lost or doubled a message, 2 wrong command line, 130 stopped by Ctrl-C.
No timing fails a run.
`;
