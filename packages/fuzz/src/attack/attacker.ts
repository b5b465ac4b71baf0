/** The attacker's process, started as an idle one: what it slows down, it slows down by what it sends. */
import { ATTACKS, type AttackName } from "./attacks/index.ts";
import { helper } from "./helper.ts";
import type { Target } from "./peer.ts";
import { Tally } from "./tally.ts";

export interface AttackerTask {
  readonly attacks: readonly AttackName[];
  readonly target: Target;
  readonly scale: number;
}

const tally = new Tally();
let begun = false;
/** The first question is the signal to begin: starting a process takes time that would be missed by others. */
const { attacks, target, scale } = helper<AttackerTask>(() => {
  if (!begun) for (const attack of attacks) ATTACKS[attack](target, tally, scale);
  begun = true;
  return tally.counts;
});
