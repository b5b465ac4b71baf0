import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_PEERS, PEERS, QUICK_PEERS } from "./peers/index.ts";
import type { Peer } from "./peers/peer.ts";
import { SCALE_SCENARIOS, SCENARIOS } from "./scenarios/index.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const ROOT = join(import.meta.dirname, "../../..");
export const RESULTS_FILE = "results.json";
export const DEFAULT_OUT = join(ROOT, ".cache/bench");
export const IMAGES = join(ROOT, "docs/images");
export const BASELINE = join(import.meta.dirname, "../baseline.json");

/** Longer at full load says nothing more, and a machine has other things to do. */
const MAX_SECONDS = 60;

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

/** A wrong command line; its message says what is wrong. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** @returns undefined when help was asked for. @throws UsageError */
export function readOptions(args: readonly string[]): Options | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const available = values.scale ? SCALE_SCENARIOS : SCENARIOS;
  const quick = values.quick ?? false;
  return {
    scenarios: choose("scenario", values.scenario, [...SCENARIOS, ...SCALE_SCENARIOS], available),
    peers: choose("peer", values.peer, PEERS, quick ? QUICK_PEERS : DEFAULT_PEERS),
    seconds: numberOf("seconds", values.seconds, quick ? 2 : 5, MAX_SECONDS),
    warmUpS: quick ? 1 : 2,
    repeat: numberOf("repeat", values.repeat, 1, 20),
    quick,
    json: values.json ?? false,
    out: values.out ?? (values.scale ? IMAGES : DEFAULT_OUT),
    writesBaseline: values.baseline ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    const string = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    const options = {
      ...{ scenario: string, peer: string, seconds: string, repeat: string, out: string },
      ...{ quick: flag, scale: flag, json: flag, baseline: flag, help: { ...flag, short: "h" } },
    } as const;
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]!);
  }
}

function choose<T extends { readonly name: string }>(
  what: string,
  text: string | undefined,
  all: readonly T[],
  byDefault: readonly T[],
): readonly T[] {
  if (text === undefined) return byDefault;
  return text.split(",").map((name) => {
    const found = all.find((one) => one.name === name.trim());
    if (found) return found;
    throw new UsageError(`There is no ${what} "${name}": ${all.map((one) => one.name).join(", ")}.`);
  });
}

function numberOf(what: string, text: string | undefined, byDefault: number, most: number): number {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (value >= 1 && value <= most) return value;
  throw new UsageError(`--${what} takes a number from 1 to ${most}.`);
}

export const HELP = `Measures Madang beside Socket.IO, Centrifugo and the tutorial, on this machine, in one run.

  npm run bench                     everything (about 10 minutes)
  npm run bench -- --quick          smaller sizes, in about two minutes
  npm run bench -- --scale          cost as work grows; charts into docs/images
  npm run bench:compare             what got slower since the baseline

Options:
  --scenario a,b   ${SCENARIOS.map(({ name }) => name).join(", ")};
                   with --scale: ${SCALE_SCENARIOS.map(({ name }) => name).join(", ")}
  --peer a,b       ${PEERS.map(({ name }) => name).join(", ")}
  --seconds n      measured at full load (5; 2 with --quick)
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
