/**
 * F7: the closed table of close codes. The range of a code decides: after 3000–3499, 4000–4499 and 1012 a client
 * reconnects; after every other code from the server it stops. A connection that breaks without a close frame
 * (1005, 1006) or because a proxy goes away (1001) says nothing about the client, so the client reconnects.
 */
export const CLOSE_CODES = {
  serviceRestart: { code: 1012, reason: "drain" },
  tokenExpired: { code: 3005, reason: "token expired" },
  noPong: { code: 3012, reason: "no pong" },
  tooManyRequests: { code: 3013, reason: "too many requests" },
  noProgress: { code: 3014, reason: "no progress in reading" },
  invalidToken: { code: 3500, reason: "invalid token" },
  badRequest: { code: 3501, reason: "bad request" },
  noHello: { code: 3502, reason: "no hello" },
  removed: { code: 3503, reason: "removed by a moderator" },
  connectionLimit: { code: 3504, reason: "connection limit" },
  notAllowed: { code: 3507, reason: "not allowed" },
} as const;

export type CloseReason = keyof typeof CLOSE_CODES;

const LOST_CONNECTION = new Set([1001, 1005, 1006]);

/** Whether a client should reconnect after this close code. */
export function shouldReconnect(code: number): boolean {
  return (
    (code >= 3000 && code <= 3499) ||
    (code >= 4000 && code <= 4499) ||
    code === CLOSE_CODES.serviceRestart.code ||
    LOST_CONNECTION.has(code)
  );
}
