/**
 * A histogram of microseconds in shared memory. It has 64 buckets per doubling, so a percentile is exact to 1.6 %. One
 * thread writes, any thread may read.
 */

const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;
const BUCKETS = (31 - SUB_BITS) * SUB + 2 * SUB;
/** The size of a histogram in bytes. */
export const HISTOGRAM_BYTES = (BUCKETS + 1) * 4;
const LARGEST = 0x7fffffff;

export class Histogram {
  /** The last element is the largest value. */
  readonly #cells: Uint32Array;

  constructor(memory: ArrayBufferLike = new ArrayBuffer(HISTOGRAM_BYTES), offset: number = 0) {
    this.#cells = new Uint32Array(memory, offset, BUCKETS + 1);
  }

  record(us: number): void {
    const value = us < 0 ? 0 : us > LARGEST ? LARGEST : us | 0;
    this.#cells[bucketOf(value)]!++;
    if (value > this.#cells[BUCKETS]!) this.#cells[BUCKETS] = value;
  }

  add(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) this.#cells[i]! += other.#cells[i]!;
    this.#cells[BUCKETS] = Math.max(this.#cells[BUCKETS]!, other.#cells[BUCKETS]!);
  }

  get count(): number {
    let count = 0;
    for (let i = 0; i < BUCKETS; i++) count += this.#cells[i]!;
    return count;
  }

  /** Milliseconds. */
  get maxMs(): number {
    return this.#cells[BUCKETS]! / 1000;
  }

  /** The quantile `q` (0 to 1) in milliseconds; NaN without values. */
  quantileMs(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#cells[i]!;
      if (seen >= rank) return Math.min(middleOf(i), this.#cells[BUCKETS]!) / 1000;
    }
    return Number.NaN;
  }
}

function bucketOf(value: number): number {
  if (value < 2 * SUB) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return shift * SUB + (value >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < 2 * SUB) return bucket;
  const shift = Math.floor(bucket / SUB) - 1;
  return (bucket - shift * SUB + 0.5) * 2 ** shift;
}
