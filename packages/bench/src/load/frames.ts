/** Writes and reads WebSocket frames (RFC 6455) without a library: the generator must cost less than the servers. */

export const TEXT = 0x1;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

/** A whole client frame. Its mask is zero, so the payload is unchanged. */
export function clientFrame(payload: string | Buffer, opcode: number = TEXT): Buffer {
  const length = Buffer.byteLength(payload);
  if (length > 0xffff) throw new RangeError("The generator sends no frames above 64 KiB.");
  const head = length < 126 ? 2 : 4;
  const frame = Buffer.alloc(head + 4 + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | Math.min(length, 126);
  if (head === 4) frame.writeUInt16BE(length, 2);
  if (typeof payload === "string") frame.write(payload, head + 4);
  else payload.copy(frame, head + 4);
  return frame;
}

/** Receives the range of a payload in a buffer. The buffer is valid during the call only. */
export type OnFrame = (opcode: number, buffer: Buffer, start: number, end: number) => void;

/** Finds the frames of one connection in the chunks of its byte stream. Server frames have no mask. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  /** The beginning of an incomplete frame. */
  #rest: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Processes the next bytes. Keeps no reference to `chunk`. */
  push(chunk: Buffer): void {
    const buffer = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let at = 0;
    for (;;) {
      if (buffer.length - at < 2) break;
      let length = buffer[at + 1]! & 0x7f;
      let head = 2;
      if (length === 126) {
        if (buffer.length - at < 4) break;
        length = (buffer[at + 2]! << 8) | buffer[at + 3]!;
        head = 4;
      } else if (length === 127) {
        if (buffer.length - at < 10) break;
        length = Number(buffer.readBigUInt64BE(at + 2));
        head = 10;
      }
      const start = at + head;
      if (buffer.length - start < length) break;
      this.#onFrame(buffer[at]! & 0x0f, buffer, start, start + length);
      at = start + length;
    }
    if (at < buffer.length) this.#rest = Buffer.from(buffer.subarray(at));
  }
}
