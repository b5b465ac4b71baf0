import { connect, type Socket } from "node:net";
import { SUBPROTOCOL } from "@madang/protocol";
import type { Tally } from "./tally.ts";

export interface Target {
  readonly port: number;
  /** Number of addresses in 127.0.1.x from which the sockets connect. */
  readonly addresses: number;
}

export const UPGRADE = [
  "GET /ws HTTP/1.1",
  "Host: attacked",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
].join("\r\n");
export const HANDSHAKE = `${UPGRADE}\r\n\r\n`;

const TEXT = 1;
const CLOSE = 8;

export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The bit of compressed messages (RFC 7692). */
  readonly rsv1?: boolean;
}

/** A client's frame. Its mask is zero, so the payload is unchanged. */
export function frame(
  payload: string | Buffer,
  { opcode = TEXT, fin = true, rsv1 = false }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload as string);
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const length = bytes.length;
  const head =
    length < 126
      ? Buffer.from([first, 0x80 | length])
      : length < 65_536
        ? Buffer.from([first, 0xfe, length >> 8, length & 255])
        : Buffer.from([
            first,
            0xff,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ]);
  return Buffer.concat([head, Buffer.alloc(4), bytes]);
}

/** One socket of the attacker, without a library. It counts the answers of the server. */
export class Peer {
  readonly socket: Socket;
  readonly #tally: Tally;
  readonly #onOpen: (() => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #answered = false;

  /** @param onOpen called when the server accepts the handshake, if `first` contains one */
  constructor({ port, addresses }: Target, index: number, tally: Tally, first: string | Buffer, onOpen?: () => void) {
    this.#tally = tally;
    this.#onOpen = onOpen;
    this.socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.1.${1 + (index % addresses)}` });
    this.socket.setNoDelay(true);
    if (first.length > 0) this.socket.write(first);
    this.socket.on("data", (data: Buffer) => this.#read(data));
    // The bytes before the end show the reason.
    this.socket.on("error", () => {});
    this.socket.on("close", () => this.#answered || this.#answer("cut"));
  }

  get open(): boolean {
    return !this.socket.destroyed;
  }

  #answer(kind: string): void {
    this.#answered = true;
    this.#tally.answered(kind);
  }

  #read(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    if (!this.#upgraded) this.#readHead();
    if (this.#upgraded) while (this.#readFrame());
  }

  #readHead(): void {
    const end = this.#rest.indexOf("\r\n\r\n");
    if (end < 0) return;
    const status = this.#rest.toString("latin1", 9, 12);
    if (status !== "101") this.#answer(`HTTP ${status}`);
    this.#upgraded = status === "101";
    this.#rest = this.#upgraded ? this.#rest.subarray(end + 4) : Buffer.alloc(0);
    if (this.#upgraded) this.#onOpen?.();
  }

  /** @returns false when no complete frame is left */
  #readFrame(): boolean {
    const bytes = this.#rest;
    if (bytes.length < 2) return false;
    const short = bytes[1]! & 127;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < start) return false;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return false;
    const payload = bytes.subarray(start, start + length);
    this.#rest = bytes.subarray(start + length);
    const opcode = bytes[0]! & 15;
    if (opcode === CLOSE) this.#answer(`closed ${payload.length < 2 ? 1005 : payload.readUInt16BE(0)}`);
    if (opcode === TEXT) {
      const code = /"type":"error".*?"code":"(\w+)"/.exec(payload.toString("latin1"))?.[1];
      if (code) this.#answer(code);
    }
    return true;
  }
}

const TICK_MS = 20;

/** Keeps `count` sockets open. For each one that ends it opens the next, at most `perS` per second. */
export function keep(count: number, perS: number, make: (index: number) => Peer): ReadonlySet<Peer> {
  const peers = new Set<Peer>();
  let index = 0;
  let due = 0;
  setInterval(() => {
    due = Math.min(due + (perS * TICK_MS) / 1000, perS);
    for (; peers.size < Math.ceil(count) && due >= 1; due--) {
      const peer = make(index++);
      peers.add(peer);
      peer.socket.on("close", () => peers.delete(peer));
    }
  }, TICK_MS);
  return peers;
}
