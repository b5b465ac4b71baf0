/** How messages are grouped in the log, the same on the server and in the browser. */

/** A message within this time of the same person's previous one shows no name. */
const GROUP_MS = 5 * 60_000;
const HUES = 8;
/** Shared, because creating a segmenter takes longer than using it. */
const GRAPHEMES = new Intl.Segmenter();

export interface Authored {
  readonly user: string;
  /** ISO 8601 */
  readonly at: string;
}

/** Whether `next` continues the group of `previous`: the same person within five minutes. */
export function continues(previous: Authored | undefined, next: Authored): boolean {
  return (
    previous !== undefined &&
    previous.user === next.user &&
    Math.abs(Date.parse(next.at) - Date.parse(previous.at)) < GROUP_MS
  );
}

/** The first visible grapheme of a name, such as a syllable or a whole emoji. */
export function initial(user: string): string {
  for (const { segment } of GRAPHEMES.segment(user)) {
    if (/[\p{L}\p{N}\p{P}\p{S}]/u.test(segment)) return segment.toLocaleUpperCase();
  }
  return "";
}

/** One of {@link HUES} colours (classes `hue-0` to `hue-7`); a name has the same one everywhere. */
export function hue(user: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < user.length; i++) hash = Math.imul(hash ^ user.charCodeAt(i), 0x01000193);
  // The high bits of FNV-1a are mixed best.
  return (hash >>> 16) % HUES;
}
