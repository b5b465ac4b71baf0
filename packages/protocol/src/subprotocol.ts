/** `Sec-WebSocket-Protocol` of the full protocol. A connection without it is plain (P1). */
export const SUBPROTOCOL = "madang.v1";
