import { ConfigError } from "./config.ts";

const USER_ERRORS = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "ENOTFOUND"]);

/** Runs a process's `main`. What its operator can put right is one line on standard error, and exit code 1. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const known = error instanceof ConfigError || USER_ERRORS.has((error as NodeJS.ErrnoException).code ?? "");
    console.error(known ? (error as Error).message : error);
    process.exit(1);
  }
}
