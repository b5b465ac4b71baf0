import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { OperatorError } from "@madang/runtime";
import { portProblem } from "./ports.ts";
import { tethered, tethers } from "./tether.ts";

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Appears in messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly port: number;
  readonly url: string;
  /** The process writes into this file directly, so it never waits for a reader. Emptied at the first start. */
  readonly logFile: string;
  /** Resolves once the process serves. Called at each start; gives up when the signal is aborted. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  readonly readyLimitMs: number;
  /** Time from SIGTERM to SIGKILL. With 0 SIGKILL comes at once. */
  readonly stopLimitMs: number;
  /** Runs once, after {@link Child.stop}. */
  readonly cleanUp?: () => void;
}

/** A process that did not become ready. `tail` is the end of its output. */
export class StartError extends OperatorError {
  readonly tail: string;
  constructor(message: string, tail: string) {
    super(tail ? `${message}\n${tail}` : message);
    this.tail = tail;
  }
}

const TAIL_LINES = 12;
const STOP_POLL_MS = 5;

/**
 * A process group of its own keeps the terminal's Ctrl-C from a child, so that its parent decides when it stops. Without
 * a tether the child stays in the parent's group: Ctrl-C then also ends the children of a parent that handles no signals.
 */
const detached = tethers;

/** Does what the tether does on Linux, except after a SIGKILL of this process. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** A process that can be restarted. It keeps its port, its data and its log file. */
export class Child {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly logFile: string;
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: 0, signal: null });
  #stopping: Promise<void> | undefined;

  private constructor(options: ChildOptions) {
    this.#options = options;
    this.name = options.name;
    this.port = options.port;
    this.url = options.url;
    this.logFile = options.logFile;
  }

  /**
   * Starts the process and waits until it is ready.
   * @throws StartError when the process ends before that, or is not ready in time; it no longer runs then
   */
  static async start(options: ChildOptions): Promise<Child> {
    const child = new Child(options);
    closeSync(openSync(options.logFile, "a"));
    truncateSync(options.logFile);
    try {
      await child.#launch();
    } catch (error) {
      options.cleanUp?.();
      throw error;
    }
    return child;
  }

  /** The pid of the running process, or of the last one. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get running(): boolean {
    return this.#process !== undefined && alive.has(this.#process);
  }

  /** Resolves when the running process ends. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** Everything that was printed, over all restarts. */
  output(): string {
    return readFileSync(this.logFile, "utf8");
  }

  /**
   * Sends a signal. Resolves for SIGKILL, SIGTERM and SIGINT when the process has ended, for SIGSTOP when all of its
   * threads have stopped (on Linux, which shows that), and for other signals at once.
   */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#process?.kill(signal);
    if (signal === "SIGKILL" || signal === "SIGTERM" || signal === "SIGINT") await this.#exited;
    if (signal === "SIGSTOP") while (this.running && isMoving(this.pid)) await delay(STOP_POLL_MS);
  }

  /** Ends the process (SIGCONT and SIGTERM, later SIGKILL) and waits for that. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end().then(() => this.#options.cleanUp?.());
    return this.#stopping;
  }

  /** Ends the process if it runs, and starts it again with the same port, data and log file. */
  async restart(): Promise<void> {
    await this.#end();
    await this.#launch();
  }

  async #end(): Promise<void> {
    if (!this.running) return;
    const child = this.#process!;
    const { stopLimitMs } = this.#options;
    if (stopLimitMs > 0) {
      child.kill("SIGCONT");
      child.kill("SIGTERM");
    }
    const limit = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
    await this.#exited;
    clearTimeout(limit);
  }

  async #launch(): Promise<void> {
    const { name, command, args, env, cwd, port, logFile, ready, readyLimitMs } = this.#options;
    // Another server on this port would pass for the child.
    const problem = await portProblem(port);
    // No await between this check and `alive.add`: a stop must not miss the process.
    if (this.#stopping) throw new StartError(`${name} has been stopped.`, "");
    if (problem) throw new StartError(`${name} cannot listen on port ${port} (${problem}).`, "");
    const [program, rest] = tethered(command, args);
    const fd = openSync(logFile, "a");
    const child = spawn(program, rest, {
      stdio: ["ignore", fd, fd],
      detached,
      ...(env ? { env } : {}),
      ...(cwd ? { cwd } : {}),
    });
    closeSync(fd);
    this.#process = child;
    alive.add(child);
    this.#exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        alive.delete(child);
        resolve(exit);
      };
      child.once("exit", (code, signal) => end({ code, signal }));
      child.once("error", () => end({ code: 127, signal: null }));
    });
    const abort = new AbortController();
    const how = await Promise.race([
      ready(abort.signal).then(
        () => "",
        (error: Error) => `${name} did not become ready: ${error.message}`,
      ),
      this.#exited.then(({ code, signal }) => `${name} ended during its start (${signal ?? `exit code ${code}`}).`),
      delay(readyLimitMs, `${name} was not ready within ${readyLimitMs / 1000} s.`, {
        signal: abort.signal,
        ref: false,
      }),
    ]);
    abort.abort();
    if (how === "") return;
    child.kill("SIGKILL");
    await this.#exited;
    throw new StartError(how, this.#tail());
  }

  #tail(): string {
    return this.output().trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
  }
}

/** Whether any thread still runs. Linux stops the threads of a process one by one. */
function isMoving(pid: number): boolean {
  try {
    const tasks = `/proc/${pid}/task`;
    return readdirSync(tasks).some((task) => !readFileSync(`${tasks}/${task}/stat`, "utf8").includes(") T "));
  } catch {
    return false;
  }
}
