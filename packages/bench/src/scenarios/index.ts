import { CLOSED_LOOPS } from "./closed-loop.ts";
import { history } from "./history.ts";
import { idle } from "./idle.ts";
import { ingest } from "./ingest.ts";
import { openLoop } from "./open-loop.ts";
import { replay } from "./replay.ts";
import { SCALES } from "./scale.ts";
import type { Scenario } from "./scenario.ts";

export const SCENARIOS: readonly Scenario[] = [...CLOSED_LOOPS, openLoop, idle, replay, history, ingest];
export const SCALE_SCENARIOS: readonly Scenario[] = SCALES;

/** @returns undefined for an unknown name */
export function findScenario(name: string): Scenario | undefined {
  return [...SCENARIOS, ...SCALE_SCENARIOS].find((scenario) => scenario.name === name);
}
