import { parsePosition } from "@madang/protocol/browser";

/** Compares two positions in the log, for sorting. Epochs sort as strings, in the order of their beginnings. */
export function comparePositions(a: string, b: string): number {
  const [left, right] = [parsePosition(a), parsePosition(b)];
  if (!left || !right) return 0;
  return left.epoch === right.epoch ? left.seq - right.seq : left.epoch < right.epoch ? -1 : 1;
}
