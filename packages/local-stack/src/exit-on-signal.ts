const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Has Ctrl-C and its like end this process with the code that a shell expects, and with it what was started here: the
 * processes at once, and their temporary directories, which a signal by itself would leave behind.
 */
export function exitOnSignal(): void {
  for (const [signal, code] of Object.entries(EXIT_CODES)) process.once(signal, () => process.exit(code));
}
