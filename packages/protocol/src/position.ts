/**
 * A position in the log: `"<epoch>.<seq>"`. Clients treat it as opaque and ordered, not dense.
 *
 * The epoch names one life of the log. It is the time of its making in base 36, so that epochs sort
 * as strings in the order in which they began.
 */
export interface Position {
  readonly epoch: string;
  /** Sequence in the stream; 0 is "before everything". */
  readonly seq: number;
}

const POSITION = /^([a-z0-9]{1,32})\.(0|[1-9][0-9]{0,15})$/;

/** @returns `undefined` for what is no position, and for a sequence that a number cannot hold exactly */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text);
  if (!match) return undefined;
  const seq = Number(match[2]);
  return Number.isSafeInteger(seq) ? { epoch: match[1]!, seq } : undefined;
}

/** What {@link parsePosition} reads. */
export function formatPosition(epoch: string, seq: number): string {
  return `${epoch}.${seq}`;
}

/** A new epoch, later than every one made before `now` (milliseconds since 1970). */
export function newEpoch(now: number): string {
  return now.toString(36).padStart(9, "0");
}

/** The epoch right after one that {@link newEpoch} made: whoever asks gets the same. */
export function epochAfter(epoch: string): string {
  return newEpoch(Number.parseInt(epoch, 36) + 1);
}
