/** `npm start`. */
import { OperatorError, run } from "@madang/runtime";
import { HELP, readSettings } from "./settings.ts";
import { Stack } from "./stack.ts";

/**
 * One Ctrl-C arrives twice: from the terminal, and from npm, which forwards it. Only a signal that comes later than this
 * means "do not wait".
 */
const SAME_SIGNAL_MS = 1500;

const say = (line: string) => console.log(line);

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help") || args.includes("-h")) return say(HELP);
  if (args.length > 0)
    throw new OperatorError(`Unknown argument ${args[0]}: settings are environment variables, see --help.`, 2);
  const stack = new Stack(readSettings(process.env), say);
  stopOnSignal(stack);
  try {
    await stack.start();
  } catch (error) {
    await stack.stop();
    throw error;
  }
  const [first, ...others] = stack.urls;
  say(`Madang is ready: ${first}${others.length > 0 ? ` (and ${others.join(", ")})` : ""}. Ctrl-C stops it.`);
}

function stopOnSignal(stack: Stack): void {
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt !== undefined) {
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    firstAt = performance.now();
    say("Stopping.");
    // Processes that are starting end when this process exits.
    void stack.stop().then(() => {
      say("Stopped.");
      process.exit(0);
    });
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
}

await run(() => main(process.argv.slice(2)));
