import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";

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

/** Why there is no connection, for who runs it. */
export function reasonOfDial(error: Error): string {
  // What follows is what Node would have changed in its own command line.
  const [message] = error.message.split(";");
  if (error instanceof errors.AuthorizationError) return `NATS does not let us in (${message})`;
  if (/certificate|altnames/i.test(error.message)) {
    return `NATS is not trusted (${message}): is the CA file that of its certificate, and the host name in it?`;
  }
  return `NATS cannot be reached (${message})`;
}
