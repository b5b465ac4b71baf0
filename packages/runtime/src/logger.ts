import { type Logger, pino } from "pino";

export type { Logger } from "pino";

/** Headers and fields that can carry a secret. Their values never reach a log. */
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

/** Creates the logger of a process: JSON lines on standard output. User input is never logged at "warn" or above. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, redact: { paths: SECRET_PATHS, censor: "[redacted]" } });
}
