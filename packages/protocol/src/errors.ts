/**
 * The closed table of errors. `temporary` says whether the same request may succeed later, unchanged;
 * `status` is the HTTP status when a route answers with it (RFC 9457). Texts are for people and never
 * repeat what the user sent.
 */
export const ERRORS = {
  bad_json: { status: 400, temporary: false, message: "The frame is not JSON." },
  bad_frame: {
    status: 400,
    temporary: false,
    message: "The frame is not one of the protocol's: a field is missing or has the wrong type.",
  },
  bad_request: { status: 400, temporary: false, message: "The request is not valid." },
  binary_frame: { status: 400, temporary: false, message: "Binary frames are not used here: send text." },
  bad_room: {
    status: 400,
    temporary: false,
    message:
      "A room name has 1 to 100 characters, something to be seen, no control characters, no '/', and is not '.' or '..'.",
  },
  bad_user: {
    status: 400,
    temporary: false,
    message: "A nickname has 1 to 100 characters, something to be seen, no control characters, and is not '.' or '..'.",
  },
  bad_position: { status: 400, temporary: false, message: "A position has the form <epoch>.<seq>." },
  empty_text: { status: 400, temporary: false, message: "The message is empty." },
  text_too_long: { status: 413, temporary: false, message: "The message is longer than the server allows." },
  not_joined: { status: 409, temporary: false, message: "Join the room first." },
  too_many_rooms: { status: 409, temporary: false, message: "This connection has joined as many rooms as it may." },
  unauthorized: { status: 401, temporary: false, message: "A valid token is needed." },
  not_allowed: { status: 403, temporary: false, message: "That is not allowed for you here." },
  muted: { status: 403, temporary: false, message: "You are muted in this room." },
  room_read_only: { status: 403, temporary: false, message: "This room is read-only." },
  room_closed: { status: 403, temporary: false, message: "This room is closed." },
  not_found: { status: 404, temporary: false, message: "There is no such thing here." },
  conflict: { status: 409, temporary: false, message: "That contradicts what is there already." },
  position_lost: {
    status: 410,
    temporary: false,
    message: "What came after that position can no longer be replayed: fetch the history afresh.",
  },
  rate_limited: { status: 429, temporary: true, message: "Too many requests: wait a moment." },
  too_many_pending: {
    status: 429,
    temporary: true,
    message: "Too many messages are waiting to be stored: wait for their answers.",
  },
  log_full: { status: 507, temporary: true, message: "The message log is full: nothing was stored." },
  log_unavailable: {
    status: 503,
    temporary: true,
    message:
      "The message log cannot be reached: whether the message was stored is not known. Send it again with the same nonce.",
  },
  history_unavailable: { status: 503, temporary: true, message: "History cannot be reached now; it is coming later." },
  draining: { status: 503, temporary: true, message: "This server is going away: connect again." },
  internal: { status: 500, temporary: true, message: "Something went wrong on the server." },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** What an error is about, in the words of the frame that it answers. */
export interface About {
  readonly room?: string;
  readonly nonce?: string;
}

/** V8's setting; other engines have none, and do not look at it. */
const STACKS: ErrorConstructor & { stackTraceLimit?: number | undefined } = Error;

/**
 * An expected failure, with a code from the table. Its text is safe to show and to log. It has no stack: it is an answer,
 * and to write down where it came from would be most of what a refusal costs.
 */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  /** Seconds until it makes sense to try again. */
  readonly retryAfter: number | undefined;
  /** The field that was wrong, where one was. */
  readonly field: string | undefined;
  /** Where the frame that was wrong says that. */
  readonly about: About | undefined;

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
