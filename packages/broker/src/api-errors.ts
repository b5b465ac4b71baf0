import { JetStreamApiError } from "@nats-io/jetstream";

/** The codes of JetStream errors that a caller handles (`errors.json` of nats-server). */
const API_ERROR = {
  streamNotFound: [10059],
  streamNameInUse: [10058],
  consumerNotFound: [10014],
  consumerExistsDifferently: [10148, 10013],
  noMessage: [10037, 10043, 10057],
  wrongLastSequence: [10071, 10164],
} as const;

/** Whether the error is a JetStream answer of that kind. */
export function isApiError(error: unknown, kind: keyof typeof API_ERROR): boolean {
  return error instanceof JetStreamApiError && (API_ERROR[kind] as readonly number[]).includes(error.code);
}
