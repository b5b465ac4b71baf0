const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Makes SIGINT, SIGTERM and SIGHUP end this process with the exit code that shells expect. Its exit handlers then end the
 * child processes and remove their temporary directories, which the signal alone would leave behind.
 */
export function exitOnSignal(): void {
  for (const [signal, code] of Object.entries(EXIT_CODES)) process.once(signal, () => process.exit(code));
}
