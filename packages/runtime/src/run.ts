import { OperatorError } from "./operator-error.ts";

/** Of the system, and with messages that say enough: of listening, and of a disk. */
const SYSTEM_CODES = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "ENOTFOUND", "ENOSPC", "EROFS"]);

/**
 * Runs a process's `main`. What its operator can put right is one line on standard error, and exit code 1, or 2 for a
 * wrong command line; anything else is shown whole.
 */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const listening = isOfListening(error as NodeJS.ErrnoException);
    const known = listening || error instanceof OperatorError || SYSTEM_CODES.has(code ?? "");
    console.error(!known ? error : listening ? `${message} (as HOST and PORT say)` : message);
    process.exit(error instanceof OperatorError ? error.exitCode : 1);
  }
}

/** Whether the address is no good that the process is told to listen on: it may be a name that has to be looked up first. */
function isOfListening({ syscall, hostname }: NodeJS.ErrnoException & { readonly hostname?: string }): boolean {
  return syscall === "listen" || (syscall === "getaddrinfo" && hostname === process.env.HOST);
}
