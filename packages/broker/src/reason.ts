import { JetStreamApiError } from "@nats-io/jetstream";

const SWITCHED_OFF =
  "NATS answers, but not its JetStream, which keeps the log: start nats-server with -js, or with a jetstream block in its configuration that holds for this account";

/** What is wrong with the log, and what to do about it, for who runs it; `undefined` for an error that is not JetStream's. */
export function reasonOf(error: unknown): string | undefined {
  if (error instanceof JetStreamApiError) return `JetStream refuses: ${error.message}`;
  const { name } = error as Error;
  // The library does not export this one.
  if (name === "JetStreamNotEnabled") return SWITCHED_OFF;
  return name === "TimeoutError" || name === "RequestError" ? "JetStream does not answer" : undefined;
}
