import { type Logger, pino } from "pino";

export type { Logger } from "pino";

/** Headers and fields that can carry a secret; their values never reach a log. */
const SECRET_PATHS = [
  "req.headers.authorization",
  "req.headers.cookie",
  'req.headers["sec-websocket-protocol"]',
  "token",
  "*.token",
  "password",
  "*.password",
  "secret",
  "*.secret",
];

/**
 * The one logger of a process: JSON lines on standard output, with a level from `LOG_LEVEL`.
 * Nothing that a user typed is ever logged at "warn" or above.
 */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, redact: { paths: SECRET_PATHS, censor: "[redacted]" } });
}
