/** The bytes on the wire when a connection ends. A client of Node.js ignores everything behind a Close frame. */

import { once } from "node:events";
import type { Socket } from "node:net";
import { SUBPROTOCOL } from "@madang/protocol";
import { eventually, full, natsFor, rawSocket, webSocketHandshake } from "@madang/test-kit";
import t, { type Test } from "tap";
import { edgeFor, type TestEdge } from "./support.ts";

const CLOSE = 8;

interface RawMember {
  readonly socket: Socket;
  /** Opcodes of the frames in order of arrival. */
  readonly frames: number[];
  /** The type of each text frame and the code of each Close frame, in the same order. */
  readonly words: unknown[];
}

async function rawMember(t: Test, edge: TestEdge, headers = ""): Promise<RawMember> {
  const { socket } = await rawSocket(t, edge);
  socket.write(webSocketHandshake("/ws/chat/a/", headers));
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

/** A frame of a client, with a mask of zeros. */
function frame(opcode: number, payload: string | Buffer, fin = true): Buffer {
  const data = Buffer.from(payload as string);
  const head = data.length < 126 ? [data.length | 0x80] : [0xfe, data.length >> 8, data.length & 0xff];
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, ...head, 0, 0, 0, 0]), data]);
}

t.test("F7 frames before an invalid frame, or before the client's Close frame, are answered first", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const words = (value: object) => frame(1, JSON.stringify(value));
  const fragments = Array.from({ length: 200 }, (_, i) => frame(i === 0 ? 1 : 0, "x", false));
  for (const [code, last] of [
    [1008, fragments],
    [1002, [frame(3, "")]],
    [1007, [frame(1, Buffer.from([0xff]))]],
    [1009, [Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0])]],
    [4321, [frame(CLOSE, Buffer.from([4321 >> 8, 4321 & 0xff]))]],
  ] as const) {
    const client = await rawMember(t, edge, `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n`);
    client.socket.write(words({ type: "hello", join: [{ room: "a" }] }));
    await eventually(() => client.words.includes("caughtUp"));
    client.words.length = 0;
    const message = { type: "message", room: "a", message: "x", nonce: `${code}` };
    client.socket.write(Buffer.concat([words(message), words({ type: "nonsense" }), ...last]));
    await eventually(() => client.socket.closed);
    t.same(client.words.slice(-1), [code]);
    // A client that closes does not get its acknowledgement. The message itself arrives live at any time.
    for (const answer of code === 4321 ? ["error"] : ["error", "ack"]) t.ok(client.words.includes(answer), `${code}`);
  }
  const simple = await rawMember(t, edge);
  simple.socket.write(Buffer.concat([words({ message: "x", user: "u" }), words({}), ...fragments]));
  await eventually(() => simple.socket.closed);
  t.same(simple.words, ["error", "message", 1008], "for a plain client the message itself is the answer");
});

t.test("F7 nothing follows a Close frame, however late the other side answers it", async (t) => {
  const nats = await natsFor(t);
  const [leaving, staying] = [await edgeFor(t, nats), await edgeFor(t, nats)];
  const speaker = await full(t, staying, "u", ["a"]);
  const member = await rawMember(t, leaving);
  // A second member keeps the room open while the first is being closed.
  await full(t, leaving, "v", ["a"]);
  await speaker.say("a", "before");
  await eventually(() => member.frames.length === 1);
  const left = leaving.drain(4000);
  await eventually(() => member.frames.at(-1) === CLOSE);
  for (let i = 0; i < 20; i++) await speaker.say("a", `after ${i}`);
  await eventually(() => member.socket.closed);
  t.same(member.frames, [1, CLOSE]);
  await left;
});
