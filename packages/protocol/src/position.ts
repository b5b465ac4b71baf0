/**
 * A position in the log: `"<epoch>.<seq>"`. To clients it is opaque; it is ordered within a room, not dense.
 *
 * The epoch identifies one incarnation of the log. It is the log's creation time in base 36, so epochs sort as strings by
 * their age.
 */
export interface Position {
  readonly epoch: string;
  /** Sequence in the stream. 0 precedes every event. */
  readonly seq: number;
}

const POSITION = /^([a-z0-9]{1,32})\.(0|[1-9][0-9]{0,15})$/;

/** @returns `undefined` for an invalid position, and for a sequence above `Number.MAX_SAFE_INTEGER` */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text);
  if (!match) return undefined;
  const seq = Number(match[2]);
  return Number.isSafeInteger(seq) ? { epoch: match[1]!, seq } : undefined;
}

/** The inverse of {@link parsePosition}. */
export function formatPosition(epoch: string, seq: number): string {
  return `${epoch}.${seq}`;
}

/** A new epoch, later than every epoch created before `now` (milliseconds since 1970). */
export function newEpoch(now: number): string {
  return now.toString(36).padStart(9, "0");
}

/** The epoch directly after one from {@link newEpoch}. Every caller gets the same result. */
export function epochAfter(epoch: string): string {
  return newEpoch(Number.parseInt(epoch, 36) + 1);
}
