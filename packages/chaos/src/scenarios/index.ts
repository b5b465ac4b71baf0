import type { Scenario } from "../trial.ts";
import { PARTS } from "../world.ts";
import { killAny, killOf } from "./kill.ts";

/** In the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [...PARTS.map(killOf), killAny];
