/** What the bytes on the wire are when a connection ends: a client of Node.js looks at nothing behind a close frame. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import t, { type Test } from "tap";
import { edgeFor, full, natsFor, said, until } from "./support.ts";

const HANDSHAKE =
  "GET /ws/chat/a/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const CLOSE = 8;

interface RawClient {
  readonly socket: Socket;
  /** Opcodes of the frames that came, in order. */
  readonly frames: number[];
}

async function rawMember(t: Test, port: number): Promise<RawClient> {
  const socket = connect(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.on("error", () => {});
  socket.write(HANDSHAKE);
  let [bytes] = (await once(socket, "data")) as [Buffer];
  t.match(String(bytes), "HTTP/1.1 101 ");
  bytes = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
  const frames: number[] = [];
  socket.on("data", (data: Buffer) => {
    bytes = Buffer.concat([bytes, data]);
    for (;;) {
      const short = (bytes[1] ?? 0) & 0x7f;
      const head = short === 126 ? 4 : 2;
      const length = short === 126 && bytes.length >= 4 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < head + length) return;
      frames.push(bytes[0]! & 0xf);
      bytes = bytes.subarray(head + length);
    }
  });
  return { socket, frames };
}

t.test("F7 nothing follows a close frame, though the other side takes its time", async (t) => {
  const nats = await natsFor(t);
  const [leaving, staying] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const speaker = await full(t, staying, "u", [{ room: "a" }]);
  const member = await rawMember(t, leaving.port);
  // Who is still there, and keeps the room open, while the first is on its way out.
  await full(t, leaving, "v", [{ room: "a" }]);
  await said(speaker, "a", "before");
  await until(() => member.frames.length === 1);
  const left = leaving.hub.drain(4000);
  await until(() => member.frames.at(-1) === CLOSE);
  for (let i = 0; i < 20; i++) await said(speaker, "a", `after ${i}`);
  await until(() => member.socket.closed);
  t.same(member.frames, [1, CLOSE]);
  await left;
});
