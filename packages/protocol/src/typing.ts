/** F4: how often a client says that somebody is typing, in milliseconds, and for how long the others believe it. */
export const TYPING_EVERY_MS = 3000;
export const TYPING_HOLDS_MS = 5000;
