/**
 * How a message's position is spelled in the store, so that the order of the keys is the order of the room and one room's
 * keys lie side by side.
 *
 * U+001F separates the parts: room names hold no control characters, so a key belongs to exactly one room whatever it is
 * called (`a|b` would do harm with a bar), and it sorts before everything that a name can hold. A sequence is padded to
 * the 16 digits of the largest safe integer; epochs sort as strings by their making.
 */

/** An event's position in the log. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

const SEPARATOR = "\u001f";
/** After a room's name: below every key of the room, and above. */
export const ROOM_START = SEPARATOR;
export const ROOM_END = "\u0020";
const SEQ_DIGITS = 16;

/** Sorts as {@link comparePositions} does. */
export function positionKey({ epoch, seq }: Position): string {
  return epoch + SEPARATOR + String(seq).padStart(SEQ_DIGITS, "0");
}

/** The key of a room's message: within the room it sorts as its position does. */
export function messageKey(room: string, position: Position): string {
  return room + SEPARATOR + positionKey(position);
}

/** The position in a key that {@link positionKey} or {@link messageKey} made. */
export function positionOfKey(key: string): Position {
  const end = key.length - SEQ_DIGITS - 1;
  return { epoch: key.slice(key.lastIndexOf(SEPARATOR, end - 1) + 1, end), seq: Number(key.slice(end + 1)) };
}

/** Every key of a room, and none of another's, is above the first and below the second. */
export function roomBounds(room: string): readonly [string, string] {
  return [room + ROOM_START, room + ROOM_END];
}

/** Negative when `a` comes before `b`. */
export function comparePositions(a: Position, b: Position): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.seq - b.seq;
}
