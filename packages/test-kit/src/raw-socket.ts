import { once } from "node:events";
import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import type { Scope } from "./scope.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The header lines by which a client asks for a WebSocket. */
export const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  `Sec-WebSocket-Key: ${KEY}`,
]
  .map((line) => `${line}\r\n`)
  .join("");

/** The bytes of a WebSocket handshake. `headers` are complete lines. */
export function webSocketHandshake(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n${UPGRADE}${headers}\r\n`;
}

/** A TCP connection with all that has arrived on it. */
export interface RawSocket {
  readonly socket: Socket;
  /** What the server has sent until now. */
  text(): string;
  /** Resolves with all that the server sent, once it has ended its side or reset the connection. */
  readonly ended: Promise<string>;
}

/** Opens a TCP connection to a server on loopback. Errors of the connection only end it. */
export async function rawSocket(
  t: Scope,
  server: { readonly port: number },
  options: Partial<TcpNetConnectOpts> = {},
): Promise<RawSocket> {
  const socket = connect({ ...options, port: server.port, host: "127.0.0.1" });
  t.teardown(() => socket.destroy());
  socket.on("error", () => {});
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const text = () => Buffer.concat(chunks).toString();
  const ended = new Promise<string>((resolve) => {
    socket.on("end", () => resolve(text())).on("close", () => resolve(text()));
  });
  await once(socket, "connect");
  return { socket, text, ended };
}
