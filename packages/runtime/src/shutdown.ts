import closeWithGrace from "close-with-grace";
import type { Logger } from "./logger.ts";

const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;
/** A signal to a process group (Ctrl-C, systemd) arrives again when the parent forwards it. */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs `close` once on SIGTERM, SIGINT or an uncaught error, then exits with 0 after a signal and 1 after an error.
 * A further signal at least 1 s after the first, or `limitMs` passing, ends the process at once with 1.
 */
export function onShutdown(log: Logger, limitMs: number, close: () => Promise<void>): void {
  let closing = false;
  let signal: NodeJS.Signals | undefined;
  let signalledAt = Number.NEGATIVE_INFINITY;
  const grace = closeWithGrace(
    {
      delay: limitMs,
      skip: [...STOP_SIGNALS],
      logger: { error: (message: unknown) => log.error({ reason: String(message) }, "shutdown") } as never,
    },
    async ({ err, signal: other }) => {
      closing = true;
      if (err) log.fatal({ err }, "uncaught error: stopping");
      else log.info({ signal: signal ?? other }, "stopping");
      await close();
      log.info("stopped");
    },
  );
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      if (!closing) {
        signal = name;
        signalledAt = performance.now();
        void grace.close();
      } else if (performance.now() - signalledAt >= SAME_SIGNAL_MS) {
        log.error({ reason: `second ${name}, exiting` }, "shutdown");
        process.exit(1);
      }
    });
  }
}
