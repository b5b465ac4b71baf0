import { setTimeout as delay } from "node:timers/promises";
import type { Child, Exit } from "./child.ts";

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;
/** A child that served this long was well: its next end is a new story, not the same fault again. */
export const HEALTHY_AFTER_MS = 2000;

/**
 * Keeps one child running: starts it again whenever it ends, waiting longer each time that it does not last.
 * Ends when the signal is aborted, which is to be done before the child is stopped.
 * @param onBack called when the child serves again; its pid is another one
 */
export async function supervise(
  child: Child,
  signal: AbortSignal,
  say: (line: string) => void,
  onBack: () => void,
): Promise<void> {
  let waitMs = FIRST_WAIT_MS;
  let servesSince = performance.now();
  for (;;) {
    const exit = await child.exited;
    if (signal.aborted) return;
    if (performance.now() - servesSince > HEALTHY_AFTER_MS) waitMs = FIRST_WAIT_MS;
    say(`${child.name} (pid ${child.pid}) ${ending(exit)}: starting it again in ${waitMs / 1000} s`);
    try {
      await delay(waitMs, undefined, { signal });
      await child.restart();
      servesSince = performance.now();
      say(`${child.name} is back (pid ${child.pid})`);
      onBack();
    } catch (error) {
      if (signal.aborted) return;
      say((error as Error).message);
    }
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }
}

function ending({ code, signal }: Exit): string {
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}
