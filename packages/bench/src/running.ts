/** What must be stopped when the run ends, however it ends. */

const stops = new Set<() => Promise<void>>();

/** @returns a way to say that it has been stopped already */
export function stopAtExit(stop: () => Promise<void>): () => void {
  stops.add(stop);
  return () => stops.delete(stop);
}

/** Ctrl-C and SIGTERM: stops everything that runs, then exits as a shell expects. A second one does not wait. */
export function stopOnSignal(say: (line: string) => void): void {
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const code = signal === "SIGINT" ? 130 : 143;
    if (firstAt !== undefined) {
      // npm passes on the Ctrl-C that the terminal has sent to us already.
      if (performance.now() - firstAt > 1500) process.exit(code);
      return;
    }
    firstAt = performance.now();
    say("Stopping.");
    void Promise.allSettled([...stops].map((stop) => stop())).then(() => process.exit(code));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
