import fc from "fast-check";

/** Valid and invalid WebSocket frames (RFC 6455): any opcode, masked or not, complete or not. */
const opcode = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 2, 8, 9, 10) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 15 }) },
);
const payload = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 130 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(Buffer.from([0xff, 0xfe]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xc0, 0xaf])),
  },
  { weight: 1, arbitrary: fc.constant(Buffer.from('{"type":"hello","user":"raw"}')) },
);

export const rawFrame: fc.Arbitrary<Buffer> = fc
  .record({
    opcode,
    payload,
    fin: fc.boolean(),
    rsv: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 7 }) }),
    masked: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    claimed: fc.oneof(
      { weight: 12, arbitrary: fc.constant(undefined) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(0n, 126n, 65_535n, 65_537n, 1n << 31n, (1n << 63n) - 1n, (1n << 64n) - 1n),
      },
    ),
    cut: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 20 }) }),
  })
  .map(({ opcode, payload, fin, rsv, masked, claimed, cut }) => {
    const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
    const mask = Buffer.from([1, 2, 3, 4]);
    const body = masked ? Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]!)) : payload;
    const bytes = Buffer.concat([
      Buffer.from([first]),
      lengthOf(claimed ?? BigInt(payload.length), masked),
      ...(masked ? [mask] : []),
      body,
    ]);
    return bytes.subarray(0, Math.max(1, bytes.length - cut));
  });

function lengthOf(length: bigint, masked: boolean): Buffer {
  const flag = masked ? 0x80 : 0;
  if (length < 126n) return Buffer.from([flag | Number(length)]);
  if (length < 65_536n) {
    const bytes = Buffer.from([flag | 126, 0, 0]);
    bytes.writeUInt16BE(Number(length), 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9);
  bytes[0] = flag | 127;
  bytes.writeBigUInt64BE(length, 1);
  return bytes;
}

const token = fc.constantFrom("websocket", "WebSocket", "h2c", "", "websocket, websocket", "x".repeat(300));
const key = fc.oneof(fc.constant("dGhlIHNhbXBsZSBub25jZQ=="), fc.base64String({ maxLength: 40 }), fc.constant("a\tb"));
const path = fc.oneof(
  fc.constantFrom(
    "/ws",
    "/ws/",
    "/ws/chat/a/",
    "/ws/chat/a",
    "/ws/chat//",
    "/ws/chat/%ff/",
    "/ws/chat/%00/",
    "/ws/chat/../x/",
    "*",
    "http://other/ws",
  ),
  fc.webPath().map((suffix) => `/ws/chat${suffix}`),
  fc.constant(`/ws/chat/${"%ED%99%8D".repeat(200)}/`),
);

/** A valid or invalid handshake. */
export const handshake: fc.Arbitrary<string> = fc
  .record({
    path,
    upgrade: token,
    key,
    version: fc.constantFrom("13", "8", "", "13, 8", "-1"),
    protocol: fc.constantFrom("madang.v1", "madang.v2", "madang.v1, x", "", ",", "x".repeat(500)),
    origin: fc.constantFrom(undefined, "null", "http://127.0.0.1", "https://evil.example", "%%%"),
    extra: fc.array(fc.stringMatching(/^[a-z-]{1,12}: [ -~]{0,40}$/), { maxLength: 5 }),
    end: fc.constantFrom("\r\n\r\n", "\r\n", "\n\n", ""),
  })
  .map(
    ({ path, upgrade, key, version, protocol, origin, extra, end }) =>
      [
        `GET ${path} HTTP/1.1`,
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        `Upgrade: ${upgrade}`,
        `Sec-WebSocket-Key: ${key}`,
        `Sec-WebSocket-Version: ${version}`,
        `Sec-WebSocket-Protocol: ${protocol}`,
        ...(origin === undefined ? [] : [`Origin: ${origin}`]),
        ...extra,
      ].join("\r\n") + end,
  );
