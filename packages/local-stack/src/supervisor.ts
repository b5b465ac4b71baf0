import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "@madang/runtime";
import type { Child, Exit } from "./child.ts";

const FIRST_WAIT_MS = 200;
const LAST_WAIT_MS = 10_000;
/** A child that served for this long was healthy: its next end counts as a new fault, and the backoff starts over. */
export const HEALTHY_AFTER_MS = 2000;

/**
 * Keeps one child running: restarts it whenever it ends, with a backoff while it does not last. Returns once the signal
 * is aborted. Abort it before you stop the child.
 * @param onBack called when the child serves again, under a new pid
 */
export async function supervise(
  child: Child,
  signal: AbortSignal,
  say: (line: string) => void,
  onBack: () => void,
): Promise<void> {
  const backoff = new Backoff({ firstMs: FIRST_WAIT_MS, lastMs: LAST_WAIT_MS });
  let servesSince = performance.now();
  for (;;) {
    const exit = await child.exited;
    if (signal.aborted) return;
    if (performance.now() - servesSince > HEALTHY_AFTER_MS) backoff.reset();
    const waitMs = backoff.next();
    say(`${child.name} (pid ${child.pid}) ${ending(exit)}: restarting it in ${waitMs / 1000} s`);
    try {
      await delay(waitMs, undefined, { signal });
      await child.restart();
      servesSince = performance.now();
      say(`${child.name} is running again (pid ${child.pid})`);
      onBack();
    } catch (error) {
      if (signal.aborted) return;
      say((error as Error).message);
    }
  }
}

function ending({ code, signal }: Exit): string {
  return signal ? `was killed by ${signal}` : `exited with code ${code}`;
}
