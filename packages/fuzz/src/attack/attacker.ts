/** The attacker's process. */
import { ATTACKS, type AttackName } from "./attacks/index.ts";
import { helper } from "./helper.ts";
import type { Target } from "./peer.ts";
import { Tally } from "./tally.ts";

export interface AttackerTask {
  readonly attacks: readonly AttackName[];
  readonly target: Target;
  readonly scale: number;
}

const LOOP_MS = 5;

const tally = new Tally();
let loop: NodeJS.Timeout | undefined;
let begun = false;
/**
 * The first request starts a busy loop on one core, the second one replaces the loop by the attack. One process does both,
 * because starting a process would disturb the measurement.
 */
const { attacks, target, scale } = helper<AttackerTask>(() => {
  if (!loop) {
    loop = setInterval(beBusy, 0);
  } else if (!begun) {
    begun = true;
    clearInterval(loop);
    for (const attack of attacks) ATTACKS[attack](target, tally, scale);
  }
  return tally.counts;
});

function beBusy(): void {
  const until = performance.now() + LOOP_MS;
  while (performance.now() < until);
}
