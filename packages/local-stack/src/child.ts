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
  /** Shown in messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly port: number;
  readonly url: string;
  /** Output of the process goes straight into this file: it never waits for us to read. Emptied at the first start. */
  readonly logFile: string;
  /** Resolves when the process serves; asked at each start. Gives up when the signal is aborted. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  readonly readyLimitMs: number;
  /** From SIGTERM to SIGKILL; 0: SIGKILL at once. */
  readonly stopLimitMs: number;
  /** Runs once, when the child has been stopped for good. */
  readonly cleanUp?: () => void;
}

/** A process that did not come to serve. `tail` is the end of what it printed. */
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
 * a tether the child stays in the parent's group: that Ctrl-C then ends the children of a parent that handles no signals.
 */
const detached = tethers;

/** What the tether does on Linux, this does elsewhere; a SIGKILL of ours leaves it out. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** One process of ours, through all of its lives: it keeps its port and its data. */
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
   * Starts the process and waits until it serves.
   * @throws StartError when it ends before, or does not serve in time; it is gone then
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

  /** Of the present life, or the last. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get running(): boolean {
    return this.#process !== undefined && alive.has(this.#process);
  }

  /** Resolves when the present life ends. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** All that it printed, in all of its lives. */
  output(): string {
    return readFileSync(this.logFile, "utf8");
  }

  /**
   * Sends a signal. With SIGKILL, SIGTERM and SIGINT it resolves when the process is gone, with SIGSTOP when all of it
   * stands still (where that can be seen: on Linux), with others at once.
   */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#process?.kill(signal);
    if (signal === "SIGKILL" || signal === "SIGTERM" || signal === "SIGINT") await this.#exited;
    if (signal === "SIGSTOP") while (this.running && isMoving(this.pid)) await delay(STOP_POLL_MS);
  }

  /** Ends the process, politely first, and waits. Idempotent; wakes one that SIGSTOP put to sleep. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end().then(() => this.#options.cleanUp?.());
    return this.#stopping;
  }

  /** Ends the process if it runs, and starts it again: same port, same data, same log file. */
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
    // Whoever listens there would pass for the child.
    const problem = await portProblem(port);
    // From here on to where it is known to be alive nothing is waited for: whoever stops it finds it.
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
        (error: Error) => `${name} did not get ready: ${error.message}`,
      ),
      this.#exited.then(({ code, signal }) => `${name} ended at its start (${signal ?? `exit code ${code}`}).`),
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

/** Whether any thread of a process runs on, by what Linux tells: each stops by itself. */
function isMoving(pid: number): boolean {
  try {
    const tasks = `/proc/${pid}/task`;
    return readdirSync(tasks).some((task) => !readFileSync(`${tasks}/${task}/stat`, "utf8").includes(") T "));
  } catch {
    return false;
  }
}
