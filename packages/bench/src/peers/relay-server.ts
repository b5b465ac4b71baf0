/**
 * The lower bound for a chat on this runtime and kernel: it forwards each frame to the room unchanged, with one write per
 * member and event loop turn. It has no validation, order, log, limits or backpressure.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { TEXT } from "../load/frames.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

interface Room {
  readonly members: Set<Socket>;
  /** Frames of this event loop turn. */
  turn: Buffer[];
}

const rooms = new Map<string, Room>();

const http = createServer((_request, response) => response.end("ready"));
http.on("upgrade", (request, socket: Socket) => {
  const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  socket.setNoDelay(true);
  const room = rooms.get(request.url!) ?? { members: new Set(), turn: [] };
  rooms.set(request.url!, room);
  room.members.add(socket);
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = read(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), room);
  });
  socket.on("close", () => room.members.delete(socket));
  socket.on("error", () => socket.destroy());
});

/** Forwards the complete frames of a client and returns the rest. The generator's mask is zero. */
function read(bytes: Buffer, room: Room): Buffer {
  let at = 0;
  while (bytes.length - at >= 6) {
    const short = bytes[at + 1]! & 0x7f;
    const head = short === 126 ? 8 : 6;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const end = at + head + length;
    if (bytes.length < end) break;
    if ((bytes[at]! & 0x0f) === TEXT) send(room, bytes.subarray(at + head, end));
    at = end;
  }
  return bytes.subarray(at);
}

function send(room: Room, payload: Buffer): void {
  const head = payload.length < 126 ? [0x81, payload.length] : [0x81, 126, payload.length >> 8, payload.length & 0xff];
  room.turn.push(Buffer.from(head), payload);
  if (room.turn.length > 2) return;
  setImmediate(() => {
    const bytes = Buffer.concat(room.turn);
    room.turn = [];
    for (const member of room.members) member.write(bytes);
  });
}

http.listen(Number(process.env["PORT"]), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
