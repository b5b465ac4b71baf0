/** Largest inbound frame and HTTP body, in bytes (F6). */
export const FRAME_MAX_BYTES = 64 * 1024;
