/**
 * The closed table of errors. `temporary` says whether the same request may succeed later, unchanged. `status` is the
 * HTTP status of a response with this error (RFC 9457). Texts are for people and never repeat the user's input.
 */
export const ERRORS = {
  bad_json: { status: 400, temporary: false, message: "Invalid JSON." },
  bad_frame: {
    status: 400,
    temporary: false,
    message: "Invalid frame: a field is missing or has the wrong type.",
  },
  bad_request: { status: 400, temporary: false, message: "Invalid request." },
  binary_frame: { status: 400, temporary: false, message: "Binary frames are not supported. Send a text frame." },
  unsupported_media_type: {
    status: 415,
    temporary: false,
    message: "Unsupported media type. Send the body as application/json.",
  },
  bad_room: {
    status: 400,
    temporary: false,
    message:
      "A room name has 1 to 100 characters, at least one visible, no control characters and no '/'. It is not '.' or '..'.",
  },
  bad_user: {
    status: 400,
    temporary: false,
    message:
      "A nickname has 1 to 100 characters, at least one visible, and no control characters. It is not '.' or '..'.",
  },
  bad_position: { status: 400, temporary: false, message: "Invalid position. Use the form <epoch>.<seq>." },
  empty_text: { status: 400, temporary: false, message: "The message is empty." },
  text_too_long: { status: 413, temporary: false, message: "The message is too long." },
  not_joined: { status: 409, temporary: false, message: "You are not in this room. Join it first." },
  too_many_rooms: {
    status: 409,
    temporary: false,
    message: "This connection has reached its room limit. Leave a room first.",
  },
  unauthorized: { status: 401, temporary: false, message: "A valid token is required." },
  token_not_valid_yet: { status: 401, temporary: true, message: "The token is not valid yet. Retry later." },
  not_allowed: { status: 403, temporary: false, message: "Permission denied." },
  muted: { status: 403, temporary: false, message: "You are muted in this room." },
  room_read_only: { status: 403, temporary: false, message: "This room is read-only." },
  room_closed: { status: 403, temporary: false, message: "This room is closed." },
  room_deleted: { status: 403, temporary: false, message: "This room was deleted." },
  not_found: { status: 404, temporary: false, message: "Not found." },
  conflict: { status: 409, temporary: false, message: "The request conflicts with the current state." },
  position_lost: {
    status: 410,
    temporary: false,
    message: "Events after this position can no longer be replayed. Fetch the history again.",
  },
  rate_limited: { status: 429, temporary: true, message: "Rate limit exceeded. Retry later." },
  too_many_pending: {
    status: 429,
    temporary: true,
    message: "Too many messages are pending. Wait for their acknowledgements.",
  },
  log_full: { status: 507, temporary: true, message: "The message log is full. The message was not stored." },
  log_unavailable: {
    status: 503,
    temporary: true,
    message: "The message log is unavailable. The message may be stored: retry with the same nonce.",
  },
  history_unavailable: { status: 503, temporary: true, message: "History is temporarily unavailable. Retry later." },
  draining: { status: 503, temporary: true, message: "This server is shutting down. Reconnect." },
  internal: { status: 500, temporary: true, message: "Internal server error." },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** The room and the nonce of the frame that an error answers. */
export interface About {
  readonly room?: string;
  readonly nonce?: string;
}

/** V8 reads this setting; other engines ignore it. */
const STACKS: ErrorConstructor & { stackTraceLimit?: number | undefined } = Error;

/**
 * An expected failure, with a code from the table. Its text is safe to show and to log. It has no stack trace, because
 * capturing one would be most of the cost of a refusal.
 */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  /** Seconds to wait before a retry. */
  readonly retryAfter: number | undefined;
  /** Name of the invalid field. */
  readonly field: string | undefined;
  /** Room and nonce of the refused frame, as far as it has them. */
  readonly about: About | undefined;

  /** @param options.message replaces the table's text; it must not repeat the user's input */
  constructor(
    code: ErrorCode,
    options: { message?: string; field?: string; retryAfter?: number; about?: About; cause?: unknown } = {},
  ) {
    const { stackTraceLimit } = STACKS;
    STACKS.stackTraceLimit = 0;
    super(options.message ?? ERRORS[code].message, options.cause === undefined ? undefined : { cause: options.cause });
    STACKS.stackTraceLimit = stackTraceLimit;
    this.name = "ProtocolError";
    this.code = code;
    this.field = options.field;
    this.retryAfter = options.retryAfter;
    this.about = options.about;
  }
}
