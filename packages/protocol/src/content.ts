/** The fields of an event that its sender did not write, or that say who sent it, where and under which nonce. */
const ABOUT = new Set(["room", "user", "userId", "at", "nonce", "epoch", "seq", "position"]);

/**
 * What an event says: equal for every attempt of one send, as it is stored and as clients receive it. A repeated nonce
 * stands for one message only if this is equal.
 */
export function contentOf(event: object): string {
  const said = Object.entries(event).filter(([name, value]) => !ABOUT.has(name) && value !== undefined);
  return JSON.stringify(said.sort(([a], [b]) => (a < b ? -1 : 1)));
}
