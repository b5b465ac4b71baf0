/** How messages stand together in the log: the same on the server, for the first sight, and in the browser. */

/** What is said within this time of the same person's last message needs no name above it. */
const GROUP_MS = 5 * 60_000;
const HUES = 8;
/** To make one takes longer than to use it. */
const GRAPHEMES = new Intl.Segmenter();

export interface Said {
  readonly user: string;
  /** ISO 8601 */
  readonly at: string;
}

/** Whether `next` goes on what `previous` began: one person, within minutes. */
export function continues(previous: Said | undefined, next: Said): boolean {
  return (
    previous !== undefined &&
    previous.user === next.user &&
    Math.abs(Date.parse(next.at) - Date.parse(previous.at)) < GROUP_MS
  );
}

/** The first character of a name that can be seen, as people see characters: one syllable or one emoji, not half of it. */
export function initial(user: string): string {
  for (const { segment } of GRAPHEMES.segment(user)) {
    if (/[\p{L}\p{N}\p{P}\p{S}]/u.test(segment)) return segment.toLocaleUpperCase();
  }
  return "";
}

/** The same one of {@link HUES} colours for the same name, everywhere (classes `hue-0` to `hue-7`). */
export function hue(user: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < user.length; i++) hash = Math.imul(hash ^ user.charCodeAt(i), 0x01000193);
  // FNV-1a mixes its high bits best.
  return (hash >>> 16) % HUES;
}
