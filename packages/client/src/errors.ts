import { ERRORS, type ErrorCode, type ErrorFrame } from "@madang/protocol/browser";

/** What can go wrong without a server saying so. */
const CLIENT_ERRORS = {
  bad_url: {
    temporary: false,
    message: "The client's URL is none that a WebSocket can be opened at: ws, wss, http or https, without a fragment.",
  },
  client_closed: {
    temporary: true,
    message: "The client was closed before the server answered: whether the message was stored is not known.",
  },
  connection_refused: { temporary: false, message: "The server closed the connection for good." },
  room_left: { temporary: false, message: "The room was left before the server answered." },
  outbox_full: { temporary: true, message: "Too many messages are waiting for an answer: nothing was sent." },
} as const;

export type MadangErrorCode = ErrorCode | keyof typeof CLIENT_ERRORS;

/** Why something asked of the SDK was not done. `temporary`: the same request may succeed later, unchanged. */
export class MadangError extends Error {
  readonly code: MadangErrorCode;
  readonly temporary: boolean;
  /** Seconds until it makes sense to try again, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(code: MadangErrorCode, options: { message?: string; retryAfter?: number } = {}) {
    const known = isClientError(code) ? CLIENT_ERRORS[code] : ERRORS[code];
    // A newer server may know codes that this version does not.
    super(options.message ?? known?.message ?? code);
    this.name = "MadangError";
    this.code = code;
    this.temporary = known?.temporary ?? false;
    this.retryAfter = options.retryAfter;
  }
}

/** What the server says. No static method: a bundler renames a class that names itself, and every stack would show it. */
export function errorOf(frame: ErrorFrame): MadangError {
  return new MadangError(frame.code, {
    message: frame.message,
    ...(frame.retryAfter === undefined ? {} : { retryAfter: frame.retryAfter }),
  });
}

function isClientError(code: MadangErrorCode): code is keyof typeof CLIENT_ERRORS {
  return Object.hasOwn(CLIENT_ERRORS, code);
}
