/** F6: the largest inbound frame and HTTP body, in bytes. */
export const FRAME_MAX_BYTES = 64 * 1024;
