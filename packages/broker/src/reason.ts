import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";

const SWITCHED_OFF =
  "NATS answers, but its JetStream, which holds the log, is off: start nats-server with -js, or with a jetstream block in its configuration that covers this account";

/** The reason of a JetStream error and its remedy, for operators; `undefined` for any other error. */
export function reasonOf(error: unknown): string | undefined {
  if (error instanceof JetStreamApiError) return `JetStream refuses: ${error.message}`;
  const { name } = error as Error;
  // The library does not export this class.
  if (name === "JetStreamNotEnabled") return SWITCHED_OFF;
  return name === "TimeoutError" || name === "RequestError" ? "JetStream does not answer" : undefined;
}

/** The reason why a dial failed and its remedy, for operators. */
export function reasonOfDial(error: Error): string {
  // After the semicolon Node advises on its own command-line options.
  const [message] = error.message.split(";");
  if (error instanceof errors.AuthorizationError) return `NATS refuses the credentials (${message})`;
  if (/certificate|altnames/i.test(error.message)) {
    return `NATS has a certificate that is not trusted (${message}): check NATS_CA_FILE, and that the certificate names this host`;
  }
  return `NATS cannot be reached (${message})`;
}
