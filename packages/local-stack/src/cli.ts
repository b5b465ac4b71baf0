/** `npm start`. */
import { ConfigError } from "@madang/runtime";
import { BinaryMissingError } from "./binaries.ts";
import { StartError } from "./child.ts";
import { HELP, readSettings } from "./settings.ts";
import { Stack, StackError } from "./stack.ts";

/**
 * One Ctrl-C arrives more than once: from the terminal and from npm, which passes on what it gets itself. Only a signal
 * that comes later than this means "do not wait".
 */
const SAME_SIGNAL_MS = 1500;

const say = (line: string) => console.log(line);

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help") || args.includes("-h")) return say(HELP);
  if (args.length > 0)
    throw new ConfigError(`Unknown argument ${args[0]}: settings are environment variables, see --help.`);
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
    // What is being started at this moment ends with us.
    void stack.stop().then(() => {
      say("Stopped.");
      process.exit(0);
    });
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const expected = [ConfigError, StackError, BinaryMissingError, StartError].some((kind) => error instanceof kind);
  console.error(expected ? (error as Error).message : error);
  process.exit(1);
});
