/** Attacks by frames on accepted connections, and by HTTP bodies. */
import { deflateRawSync, gzipSync } from "node:zlib";
import { FRAME_MAX_BYTES } from "@madang/protocol";
import { frame, HANDSHAKE, keep, Peer, type Target, UPGRADE } from "../peer.ts";
import type { Tally } from "../tally.ts";

const CONTINUATION = 0;
const PING = 9;
const TICK_MS = 50;
/** 100 times the default SEND_LIMIT. */
const FLOOD_PER_S = 200;
const JOINS_PER_S = 10_000;
/** The default ROOMS_PER_CONNECTION. */
const ROOMS_MAX = 128;

const hello = (join: readonly string[]) =>
  frame(JSON.stringify({ type: "hello", user: "attacker", join: join.map((room) => ({ room })) }));

/** Writes as fast as the server reads. */
function pour(peer: Peer, bytes: Buffer, sent: () => void): void {
  const { socket } = peer;
  const more = () => {
    while (socket.writable) {
      sent();
      if (!socket.write(bytes)) return;
    }
  };
  socket.on("drain", more);
  more();
}

/** Messages far above the rate limit. */
export function flood(target: Target, tally: Tally, scale: number): void {
  let nonce = 0;
  const rooms = new Map<Peer, string>();
  keep(20 * scale, 100, (index) => {
    tally.tried("connections");
    const peer = new Peer(target, index, tally, HANDSHAKE, () => {
      const room = `flood ${index % 20}`;
      peer.socket.write(hello([room]));
      rooms.set(peer, room);
    });
    peer.socket.on("close", () => rooms.delete(peer));
    return peer;
  });
  const each = (FLOOD_PER_S * TICK_MS) / 1000;
  setInterval(() => {
    for (const [{ socket }, room] of rooms) {
      for (let n = 0; n < each && socket.writable; n++, tally.tried("messages")) {
        socket.write(frame(JSON.stringify({ type: "message", room, message: "flood", nonce: `${nonce++}` })));
      }
    }
  }, TICK_MS);
}

/** Invalid frames at full speed. */
export function garbage(target: Target, tally: Tally, scale: number): void {
  const words = [
    "{",
    "[]",
    "null",
    '{"type":"nothing"}',
    '{"type":"message","room":7}',
    "\u0000",
    '{"type":"hello","user":[]}',
  ];
  const batch = Buffer.concat(Array.from({ length: 100 }, (_, i) => frame(words[i % words.length]!)));
  keep(20 * scale, 100, (index) => {
    tally.tried("connections");
    const peer = new Peer(target, index, tally, HANDSHAKE, () =>
      pour(peer, batch, () => tally.tried("invalid frames", 100)),
    );
    return peer;
  });
}

/** Pings: the server must answer each, and the client reads no answer. */
export function unreadPongs(target: Target, tally: Tally, scale: number): void {
  const batch = Buffer.concat(Array.from({ length: 100 }, () => frame("p".repeat(125), { opcode: PING })));
  keep(20 * scale, 100, (index) => {
    tally.tried("connections");
    const peer = new Peer(target, index, tally, HANDSHAKE, () => {
      peer.socket.pause();
      pour(peer, batch, () => tally.tried("pings", 100));
    });
    return peer;
  });
}

/** One message per connection in endless fragments of one byte, which cost the server far more memory than bytes. */
export function fragments(target: Target, tally: Tally, scale: number): void {
  const pieces = Buffer.concat(Array.from({ length: 60_000 }, () => frame("x", { opcode: CONTINUATION, fin: false })));
  keep(400 * scale, 100, (index) => {
    tally.tried("connections");
    tally.tried("fragments", 60_000);
    const peer = new Peer(target, index, tally, HANDSHAKE, () => {
      peer.socket.write(Buffer.concat([frame("x", { fin: false }), pieces]));
    });
    return peer;
  });
}

/** 64 MiB of zeros, which compress to 64 KiB. */
const ZEROS = Buffer.alloc(64 * 1024 * 1024 - 1024);
const JSON_HEAD = "Host: attacked\r\nContent-Type: application/json\r\n";

/** Compressed frames and bodies, large when unpacked. The server has agreed to no compression. */
export function compression(target: Target, tally: Tally, scale: number): void {
  const bomb = frame(deflateRawSync(ZEROS), { rsv1: true });
  const body = gzipSync(ZEROS);
  const offer = `${UPGRADE}\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n`;
  keep(20 * scale, 200, (index) => {
    if (index % 2 === 0) {
      tally.tried("compressed frames of 64 MiB");
      const peer = new Peer(target, index, tally, offer, () => peer.socket.write(bomb));
      return peer;
    }
    tally.tried("gzip bodies of 64 MiB");
    const request = index % 4 === 1 ? "POST /v1/rooms/bomb/messages" : "PUT /v1/rooms/bomb";
    const head = `${request} HTTP/1.1\r\n${JSON_HEAD}Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
    return new Peer(target, index, tally, Buffer.concat([Buffer.from(head), body]));
  });
}

/** Deeply nested frames and bodies, which are slow to parse. */
export function deepJson(target: Target, tally: Tally, scale: number): void {
  const half = (FRAME_MAX_BYTES - 64) / 2;
  const deep = `${"[".repeat(half)}${"]".repeat(half)}`;
  const objects = `{"type":"hello","join":${'{"a":'.repeat(half / 4)}1${"}".repeat(half / 4)}}`;
  const batch = Buffer.concat([frame(deep), frame(objects)]);
  keep(20 * scale, 100, (index) => {
    if (index % 2 === 0) {
      tally.tried("connections");
      const peer = new Peer(target, index, tally, HANDSHAKE, () =>
        pour(peer, batch, () => tally.tried("frames of 64 KiB", 2)),
      );
      return peer;
    }
    tally.tried("bodies of 64 KiB");
    const head = `POST /v1/rooms/deep/messages HTTP/1.1\r\n${JSON_HEAD}Connection: close\r\nContent-Length: ${deep.length}\r\n\r\n`;
    return new Peer(target, index, tally, head + deep);
  });
}

/** Joins of new rooms. At the room limit of its connection the attacker leaves the oldest room. */
export function joins(target: Target, tally: Tally, scale: number): void {
  const connections = 100 * scale;
  const joined = new Map<Peer, string[]>();
  let next = 0;
  keep(connections, 200, (index) => {
    tally.tried("connections");
    const peer = new Peer(target, index, tally, HANDSHAKE, () => {
      peer.socket.write(hello([]));
      joined.set(peer, []);
    });
    peer.socket.on("close", () => joined.delete(peer));
    return peer;
  });
  const each = (JOINS_PER_S * TICK_MS) / 1000 / 100;
  setInterval(() => {
    for (const [{ socket }, rooms] of joined) {
      const frames: Buffer[] = [];
      for (let n = 0; n < each; n++) {
        const room = `fresh ${next++}`;
        if (rooms.push(room) > ROOMS_MAX) frames.push(frame(JSON.stringify({ type: "leave", room: rooms.shift() })));
        frames.push(frame(JSON.stringify({ type: "join", room })));
      }
      if (!socket.writable || socket.writableNeedDrain) continue;
      tally.tried("joins", each);
      socket.write(Buffer.concat(frames));
    }
  }, TICK_MS);
}
