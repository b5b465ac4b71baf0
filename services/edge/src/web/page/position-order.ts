import { parsePosition } from "@madang/protocol/browser";

/** Order in the log: epochs sort as strings in the order in which they began. */
export function compare(a: string, b: string): number {
  const [left, right] = [parsePosition(a), parsePosition(b)];
  if (!left || !right) return 0;
  return left.epoch === right.epoch ? left.seq - right.seq : left.epoch < right.epoch ? -1 : 1;
}
