import { ERRORS, type ErrorCode, type ErrorFrame } from "@madang/protocol/browser";

/** Failures that the SDK finds without an answer of the server. */
const CLIENT_ERRORS = {
  bad_url: {
    temporary: false,
    message: "Invalid URL. Use ws, wss, http or https, without a fragment.",
  },
  client_closed: {
    temporary: true,
    message: "The client was closed before the server answered. The request may have succeeded.",
  },
  connection_refused: { temporary: false, message: "The server refused the connection." },
  room_left: { temporary: false, message: "The client left the room before the server answered." },
  outbox_full: { temporary: true, message: "Too many messages are pending. The message was not sent." },
  send_expired: {
    temporary: false,
    message: "The message waited for more than a day and was not sent. Send it again if it is still wanted.",
  },
  token_failed: { temporary: true, message: "The token function failed." },
  token_stopped: { temporary: false, message: "The token function stopped the client." },
} as const;

/** A code of the server's table of errors, or one of the SDK's own. */
export type MadangErrorCode = ErrorCode | keyof typeof CLIENT_ERRORS;

interface MadangErrorOptions {
  readonly message?: string;
  readonly temporary?: boolean;
  readonly retryAfter?: number | undefined;
  readonly room?: string | undefined;
  readonly field?: string | undefined;
  readonly cause?: unknown;
}

/** A request to the SDK failed, or the server reported an error. */
export class MadangError extends Error {
  /** Stable code. A newer server may send codes that this version does not know. */
  readonly code: MadangErrorCode;
  /** Whether the same request may succeed later, unchanged. */
  readonly temporary: boolean;
  /** Seconds to wait before a retry, if the server knows. */
  readonly retryAfter: number | undefined;
  /** Name of the room that the error concerns. */
  readonly room: string | undefined;
  /** Name of the invalid field. */
  readonly field: string | undefined;

  constructor(code: MadangErrorCode, options: MadangErrorOptions = {}) {
    const known = isClientError(code) ? CLIENT_ERRORS[code] : ERRORS[code];
    const { cause } = options;
    super(options.message ?? known?.message ?? code, cause === undefined ? undefined : { cause });
    this.name = "MadangError";
    this.code = code;
    this.temporary = options.temporary ?? known?.temporary ?? false;
    this.retryAfter = options.retryAfter;
    this.room = options.room;
    this.field = options.field;
  }
}

/** The error of an `error` frame. Not a static method: a bundler renames a class that refers to itself. */
export function errorOf(frame: ErrorFrame): MadangError {
  const { code, message, temporary, retryAfter, room, field } = frame;
  return new MadangError(code, { message, temporary, retryAfter, room, field });
}

function isClientError(code: MadangErrorCode): code is keyof typeof CLIENT_ERRORS {
  return Object.hasOwn(CLIENT_ERRORS, code);
}
