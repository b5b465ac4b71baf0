import t from "tap";
import { clientFrame, FrameReader } from "../src/load/frames.ts";
import { MarkScanner, markedText } from "../src/load/marks.ts";

/** A server's frame: without a mask. */
function serverFrame(payload: string): Buffer {
  const bytes = Buffer.from(payload);
  const head =
    bytes.length < 126
      ? Buffer.from([0x81, bytes.length])
      : bytes.length < 65_536
        ? Buffer.from([0x81, 126, bytes.length >> 8, bytes.length & 0xff])
        : Buffer.concat([
            Buffer.from([0x81, 127, 0, 0, 0, 0]),
            Buffer.from(new Uint32Array([bytes.length]).buffer).reverse(),
          ]);
  return Buffer.concat([head, bytes]);
}

t.test("frames are found however the stream is split", async (t) => {
  const payloads = ["", "a", "x".repeat(125), "y".repeat(126), "한".repeat(500), "z".repeat(70_000), "end"];
  const stream = Buffer.concat(payloads.map(serverFrame));
  for (const size of [1, 2, 3, 7, 125, 4096, stream.length]) {
    const found: string[] = [];
    const reader = new FrameReader((_opcode, buffer, start, end) => found.push(buffer.toString("utf8", start, end)));
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    t.same(found, payloads, `in pieces of ${size}`);
  }
});

t.test("a client's frame has a mask of zeros", async (t) => {
  t.same([...clientFrame("hi")], [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
  const long = clientFrame("x".repeat(300));
  t.same([...long.subarray(0, 8)], [0x81, 0x80 | 126, 300 >> 8, 300 & 0xff, 0, 0, 0, 0]);
  t.throws(() => clientFrame("x".repeat(65_536)), RangeError);
});

t.test("marks are found at any offset, several in a payload, and none beyond it", async (t) => {
  const text = (id: number) => markedText({ publisher: 3, id, sentUs: 1_234_567_890 + id }, 60);
  const frame = (...ids: number[]) => ids.map((id) => `{"seq":${id},"message":"${text(id)}"}`).join("\n");
  const scanner = new MarkScanner(60);
  const seen: unknown[] = [];
  const scan = (payload: string, after = "") => {
    const buffer = Buffer.from(`xx${payload}${after}`);
    scanner.scan(buffer, 2, 2 + Buffer.byteLength(payload), (mark) => seen.push({ ...mark }));
  };
  scan(frame(9));
  scan(frame(10));
  scan(frame(1_000_000));
  scan('{"type":"joined"}', frame(77));
  scan(frame(11, 12, 13));
  const mark = (id: number) => ({ publisher: 3, id, sentUs: 1_234_567_890 + id });
  t.same(seen, [9, 10, 1_000_000, 11, 12, 13].map(mark));
});
