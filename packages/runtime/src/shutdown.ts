import closeWithGrace from "close-with-grace";
import type { Logger } from "./logger.ts";

/**
 * Runs `close` once on SIGTERM, SIGINT or an uncaught error, then exits: with 0 after a signal, with 1 after an error.
 * A second signal, or `limitMs` passing, ends the process at once with 1.
 */
export function onShutdown(log: Logger, limitMs: number, close: () => Promise<void>): void {
  closeWithGrace(
    {
      delay: limitMs,
      logger: { error: (message: unknown) => log.error({ reason: String(message) }, "shutdown") } as never,
    },
    async ({ err, signal }) => {
      if (err) log.fatal({ err }, "uncaught error: stopping");
      else log.info({ signal }, "stopping");
      await close();
      log.info("stopped");
    },
  );
}
