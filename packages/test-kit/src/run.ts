import { execFile } from "node:child_process";

export interface Run {
  /** The exit code; null when a signal ended the program. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 60_000;

/**
 * Runs a program of ours to its end with this Node. Of our environment it inherits only what Node and the shell need.
 * @param args the file and its arguments
 */
export function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  const options = { env: { PATH, HOME, NODE_COMPILE_CACHE, ...env }, timeout: LIMIT_MS };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}
