/** Server-to-client WebSocket frames (RFC 6455, section 5.2): final, unmasked, uncompressed. */
import { eventHead, eventLength, writeEvent } from "@madang/protocol";

const FINAL_TEXT = 0x81;
/** A ping without payload. */
export const PING_FRAME = Buffer.from([0x89, 0x00]);

function headerLength(payload: number): number {
  return payload < 126 ? 2 : payload < 65536 ? 4 : 10;
}

function writeHeader(target: Buffer, payload: number): number {
  target[0] = FINAL_TEXT;
  if (payload < 126) {
    target[1] = payload;
    return 2;
  }
  if (payload < 65536) {
    target[1] = 126;
    target.writeUInt16BE(payload, 2);
    return 4;
  }
  target[1] = 127;
  target.writeBigUInt64BE(BigInt(payload), 2);
  return 10;
}

/** A control frame of ours (`ack`, `joined`, …) as bytes for the socket. */
export function textFrame(body: object): Buffer {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerLength(length) + length);
  frame.write(text, writeHeader(frame, length), "utf8");
  return frame;
}

/** A stored event as bytes for the socket: built once, written to every member. */
export function eventFrame(epoch: string, seq: number, stored: Uint8Array): Buffer {
  const head = eventHead(epoch, seq);
  const length = eventLength(head, stored);
  const frame = Buffer.allocUnsafe(headerLength(length) + length);
  writeEvent(frame, writeHeader(frame, length), head, stored);
  return frame;
}
