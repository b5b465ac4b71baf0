import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultCacheDir } from "./binaries.ts";
import { Child } from "./child.ts";
import { withPort } from "./ports.ts";
import { makeTempDir, removeTempDir } from "./temp-dir.ts";
import { answers, until } from "./wait.ts";

export interface ProcessOptions {
  readonly name: string;
  /** Absolute path of the TypeScript file to run. */
  readonly entry: string;
  /** Added to this process's environment. `PORT` is set from `port`. */
  readonly env?: NodeJS.ProcessEnv;
  /** 0 or absent: a free port. */
  readonly port?: number;
  /** The path that answers 2xx once the process is ready. Default `/readyz`. */
  readonly readyPath?: string;
  readonly readyLimitMs?: number;
  /** Time from SIGTERM to SIGKILL. */
  readonly stopLimitMs?: number;
  /** Absent: a temporary file, removed at stop. */
  readonly logFile?: string;
  /** Options for Node itself, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

const SERVICES_DIR = join(import.meta.dirname, "../../../services");
const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;

export type ServiceName = "edge" | "persistence";

const run = promisify(execFile);

export interface SettingsCheck {
  /** One line each. */
  readonly warnings: readonly string[];
  /** Why the service would refuse to start; empty when it would not. */
  readonly refusal: string;
}

/** Has a service check the settings that it would start with. Needs no running server. */
export async function checkSettings(service: ServiceName, env: NodeJS.ProcessEnv): Promise<SettingsCheck> {
  const entry = join(SERVICES_DIR, service, "src/check-config.ts");
  const { stdout, stderr, code } = await run(process.execPath, [entry], { env: environment(env) }).then(
    (output) => ({ ...output, code: 0 }),
    (error: { readonly stdout: string; readonly stderr: string; readonly code: number }) => error,
  );
  return { warnings: stdout.split("\n").filter(Boolean), refusal: code === 0 ? "" : stderr.trimEnd() };
}

/** Starts one of the two services, with the Node options that it has in production. Resolves when `/readyz` answers 2xx. */
export function startService(service: ServiceName, options: Omit<ProcessOptions, "entry">): Promise<Child> {
  const dir = join(SERVICES_DIR, service);
  const wishes = join(dir, "node-options");
  const wanted = existsSync(wishes) ? readFileSync(wishes, "utf8").trim().split(/\s+/) : [];
  const nodeArgs = [...wanted, ...(options.nodeArgs ?? [])];
  return startProcess({ ...options, entry: join(dir, "src/main.ts"), nodeArgs });
}

/** Runs a TypeScript file as its own process, with this Node. Resolves when `readyPath` answers 2xx. */
export async function startProcess(options: ProcessOptions): Promise<Child> {
  return withPort(options.port, (port) => {
    const dir = options.logFile ? undefined : makeTempDir(options.name);
    const url = `http://127.0.0.1:${port}`;
    return Child.start({
      name: options.name,
      command: process.execPath,
      args: [...(options.nodeArgs ?? []), options.entry],
      env: environment({ ...options.env, PORT: String(port) }),
      port,
      url,
      logFile: options.logFile ?? join(dir!, `${options.name}.log`),
      ready: (signal) => until(signal, () => answers(url + (options.readyPath ?? "/readyz"))),
      readyLimitMs: options.readyLimitMs ?? READY_LIMIT_MS,
      stopLimitMs: options.stopLimitMs ?? STOP_LIMIT_MS,
      ...(dir ? { cleanUp: () => removeTempDir(dir) } : {}),
    });
  });
}

function environment(added: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    // Compiling unchanged files takes nearly a third of a start's CPU time. Node does without a directory that it cannot write.
    NODE_COMPILE_CACHE: join(defaultCacheDir(), "compiled"),
    ...process.env,
    HOST: "127.0.0.1",
    ...added,
  };
}
