import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { once } from "node:events";

const STDIO: ForkOptions = { stdio: ["ignore", "inherit", "inherit", "ipc"] };

/** A process of the suite. It gets its task at the start and answers requests. */
export class Helper<Answer> {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static start<Answer>(entry: string, task: unknown): Helper<Answer> {
    return new Helper(fork(entry, [JSON.stringify(task)], STDIO));
  }

  /** Requests the answer. @throws Error when the process has ended */
  async ask(): Promise<Answer> {
    this.#child.send("?");
    const ended = once(this.#child, "exit").then(() => {
      throw new Error("A process of the attack suite ended unexpectedly.");
    });
    const [answer] = (await Promise.race([once(this.#child, "message"), ended])) as [Answer];
    return answer;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}

/** Called in the helper process. It ends with its parent. @returns the task */
export function helper<Task>(answer: () => unknown): Task {
  process.on("message", async () => process.send!(await answer()));
  process.on("disconnect", () => process.exit());
  return JSON.parse(process.argv[2]!) as Task;
}
