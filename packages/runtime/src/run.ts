import { OperatorError } from "./operator-error.ts";

/** Errors of the system, about a port or a disk. Their messages need no stack. */
const SYSTEM_CODES = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EACCES", "ENOTFOUND", "ENOSPC", "EROFS"]);

/**
 * Runs a process's `main`. An error that the operator can fix is printed as one line on standard error. Any other error is
 * printed with its stack. The exit code is 1, or 2 for a command line that cannot be used.
 */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const listening = isListenError(error as NodeJS.ErrnoException);
    const known = listening || error instanceof OperatorError || SYSTEM_CODES.has(code ?? "");
    console.error(!known ? error : listening ? `${message} (HOST and PORT set the address)` : message);
    process.exit(error instanceof OperatorError ? error.exitCode : 1);
  }
}

/** Whether the process cannot listen on its address, or cannot resolve it. */
function isListenError({ syscall, hostname }: NodeJS.ErrnoException & { readonly hostname?: string }): boolean {
  return syscall === "listen" || (syscall === "getaddrinfo" && hostname === process.env.HOST);
}
