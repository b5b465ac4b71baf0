/** F4: interval at which a client repeats `typing` while its user types, in milliseconds. */
export const TYPING_EVERY_MS = 3000;
/** F4: how long a typing notice holds, in milliseconds. */
export const TYPING_HOLDS_MS = 5000;
