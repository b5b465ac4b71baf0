/**
 * Positions, and their keys in the store. The keys of one room are adjacent and sort as the room's positions do.
 *
 * U+001F separates the parts of a key. Room names contain no control characters, so a key belongs to exactly one room,
 * and the separator sorts before every character of a name. A sequence is padded to the 16 digits of the largest safe
 * integer. Epochs are generated to sort as strings.
 */

/** The position of an event in the log. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

const SEPARATOR = "\u001f";
/** Appended to a room's name: the bounds below and above every key of the room. */
export const ROOM_START = SEPARATOR;
export const ROOM_END = "\u0020";
const SEQ_DIGITS = 16;

/** Sorts as {@link comparePositions} does. */
export function positionKey({ epoch, seq }: Position): string {
  return epoch + SEPARATOR + String(seq).padStart(SEQ_DIGITS, "0");
}

/** The key of a room's message. Within the room, keys sort as positions do. */
export function messageKey(room: string, position: Position): string {
  return room + SEPARATOR + positionKey(position);
}

/** The position in a key of {@link positionKey} or {@link messageKey}. */
export function positionOfKey(key: string): Position {
  const end = key.length - SEQ_DIGITS - 1;
  return { epoch: key.slice(key.lastIndexOf(SEPARATOR, end - 1) + 1, end), seq: Number(key.slice(end + 1)) };
}

/** Bounds between which all keys of this room lie, and no others. */
export function roomBounds(room: string): readonly [string, string] {
  return [room + ROOM_START, room + ROOM_END];
}

/** Negative when `a` is before `b`. */
export function comparePositions(a: Position, b: Position): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.seq - b.seq;
}
