/** What the bytes on the wire are when a connection ends: a client of Node.js looks at nothing behind a close frame. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { SUBPROTOCOL } from "@madang/protocol";
import t, { type Test } from "tap";
import { edgeFor, full, natsFor, said, until } from "./support.ts";

const HANDSHAKE =
  "GET /ws/chat/a/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const CLOSE = 8;

interface RawClient {
  readonly socket: Socket;
  /** Opcodes of the frames that came, in order. */
  readonly frames: number[];
  /** The type of each text frame and the code of each close frame, likewise. */
  readonly words: unknown[];
}

async function rawMember(t: Test, port: number, headers = ""): Promise<RawClient> {
  const socket = connect(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.on("error", () => {});
  socket.write(`${HANDSHAKE}${headers}\r\n`);
  let [bytes] = (await once(socket, "data")) as [Buffer];
  t.match(String(bytes), "HTTP/1.1 101 ");
  bytes = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
  const frames: number[] = [];
  const words: unknown[] = [];
  socket.on("data", (data: Buffer) => {
    bytes = Buffer.concat([bytes, data]);
    for (;;) {
      const short = (bytes[1] ?? 0) & 0x7f;
      const head = short === 126 ? 4 : 2;
      const length = short === 126 && bytes.length >= 4 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < head + length) return;
      const payload = bytes.subarray(head, head + length);
      frames.push(bytes[0]! & 0xf);
      words.push(frames.at(-1) === CLOSE ? payload.readUInt16BE(0) : JSON.parse(payload.toString()).type);
      bytes = bytes.subarray(head + length);
    }
  });
  return { socket, frames, words };
}

/** A frame of a client, masked with zeros. */
function frame(opcode: number, payload: string | Buffer, fin = true): Buffer {
  const data = Buffer.from(payload as string);
  const head = data.length < 126 ? [data.length | 0x80] : [0xfe, data.length >> 8, data.length & 0xff];
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, ...head, 0, 0, 0, 0]), data]);
}

t.test("F7 what was read before what is no WebSocket, or before a client's own close, is answered first", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const words = (value: object) => frame(1, JSON.stringify(value));
  const crumbs = Array.from({ length: 200 }, (_, i) => frame(i === 0 ? 1 : 0, "x", false));
  for (const [code, last] of [
    [1008, crumbs],
    [1002, [frame(3, "")]],
    [1007, [frame(1, Buffer.from([0xff]))]],
    [1009, [Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0])]],
    [4321, [frame(CLOSE, Buffer.from([4321 >> 8, 4321 & 0xff]))]],
  ] as const) {
    const client = await rawMember(t, edge.port, `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n`);
    client.socket.write(words({ type: "hello", join: [{ room: "a" }] }));
    await until(() => client.words.includes("caughtUp"));
    client.words.length = 0;
    const message = { type: "message", room: "a", message: "x", nonce: `${code}` };
    client.socket.write(Buffer.concat([words(message), words({ type: "nonsense" }), ...last]));
    await until(() => client.socket.closed);
    t.same(client.words.slice(-1), [code]);
    // For who closes nothing waits; and the message itself comes live, at its own time.
    for (const answer of code === 4321 ? ["error"] : ["error", "ack"]) t.ok(client.words.includes(answer), `${code}`);
  }
  const simple = await rawMember(t, edge.port);
  simple.socket.write(Buffer.concat([words({ message: "x", user: "u" }), words({}), ...crumbs]));
  await until(() => simple.socket.closed);
  t.same(simple.words, ["error", "message", 1008], "to a plain client the message itself is the answer");
});

t.test("F7 nothing follows a close frame, though the other side takes its time", async (t) => {
  const nats = await natsFor(t);
  const [leaving, staying] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const speaker = await full(t, staying, "u", [{ room: "a" }]);
  const member = await rawMember(t, leaving.port);
  // Who is still there, and keeps the room open, while the first is on its way out.
  await full(t, leaving, "v", [{ room: "a" }]);
  await said(speaker, "a", "before");
  await until(() => member.frames.length === 1);
  const left = leaving.drain(4000);
  await until(() => member.frames.at(-1) === CLOSE);
  for (let i = 0; i < 20; i++) await said(speaker, "a", `after ${i}`);
  await until(() => member.socket.closed);
  t.same(member.frames, [1, CLOSE]);
  await left;
});
