import fc from "fast-check";

/** Rooms for the fuzzer. The watcher's room is not among them, and no mutation produces its name. */
const ROOMS = ["a", "b", "수다방", "🎈"];
const HOSTILE_ROOMS = [
  "*",
  ">",
  "a.b",
  "a.>",
  "a b",
  "a\r\nPUB x 1\r\n1\r\n",
  "a/b",
  "..",
  "",
  " ",
  "\u0000",
  "=YQ",
  "__proto__",
];
const SURROGATES = ["\ud800", "\udfff\ud800", "a\udc00"];

const room = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ROOMS) },
  { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_ROOMS, ...SURROGATES, "n".repeat(5000), "\u0301".repeat(100)) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 120 }).map((name) => `f${name}`) },
);
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  { weight: 1, arbitrary: fc.constantFrom(...SURROGATES, "", " ", "x".repeat(4001), "\u0000", "<script>") },
);
const position = fc.oneof(
  fc.constantFrom("", ".", "a.", "a.-1", "a.1e9", "zzz.99999999999999999999", "0.0", "mf000000.1"),
  fc.tuple(fc.string({ maxLength: 12 }), fc.nat()).map(([epoch, seq]) => `${epoch}.${seq}`),
);
const nonce = fc.oneof(fc.uuid(), fc.string({ unit: "binary", maxLength: 140 }));
const optional = { requiredKeys: ["type"] as "type"[] };

const hello = fc.record(
  {
    type: fc.constant("hello"),
    user: text,
    token: text,
    join: fc.array(fc.record({ room, after: position }, { requiredKeys: ["room"] }), { maxLength: 5 }),
  },
  optional,
);
const join = fc.record({ type: fc.constant("join"), room, after: position }, { requiredKeys: ["type", "room"] });
const leave = fc.record({ type: fc.constant("leave"), room });
const typing = fc.record({ type: fc.constant("typing"), room });
const refresh = fc.record({ type: fc.constant("refresh"), token: text });
const message = fc.record(
  { type: fc.constant("message"), room, message: text, nonce, replyTo: fc.integer() },
  { requiredKeys: ["type", "room", "message", "nonce"] },
);
const valid = fc.oneof(
  { weight: 1, arbitrary: hello },
  { weight: 3, arbitrary: join },
  { weight: 2, arbitrary: leave },
  { weight: 1, arbitrary: refresh },
  { weight: 1, arbitrary: typing },
  { weight: 5, arbitrary: message },
);

/** A valid frame with one member replaced, added or removed. */
const mutated = fc
  .tuple(
    valid,
    fc.constantFrom(
      "type",
      "room",
      "message",
      "nonce",
      "user",
      "join",
      "after",
      "__proto__",
      "constructor",
      "toString",
    ),
    fc.jsonValue({ maxDepth: 3 }),
    fc.boolean(),
  )
  .map(([frame, key, value, remove]) => {
    const entries = Object.entries(frame).filter(([name]) => name !== key);
    if (!remove) entries.push([key, value as never]);
    // Not by JSON.stringify, so that `__proto__` can be an own key.
    return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member) ?? "null"}`).join(",")}}`;
  });

const deep = fc
  .integer({ min: 10, max: 20_000 })
  .chain((depth) =>
    fc.constantFrom(
      "[".repeat(depth),
      `${"[".repeat(depth)}${"]".repeat(depth)}`,
      `{"type":"message","room":${'{"room":'.repeat(Math.min(depth, 5000))}1${"}".repeat(Math.min(depth, 5000))}}`,
    ),
  );
const broken = fc.tuple(valid, fc.nat(), fc.string({ unit: "binary", maxLength: 4 })).map(([frame, at, junk]) => {
  const json = JSON.stringify(frame);
  const cut = at % (json.length + 1);
  return json.slice(0, cut) + junk + json.slice(cut + (at % 3));
});
const large = fc
  .integer({ min: 1000, max: 80_000 })
  .map((length) => JSON.stringify({ type: "message", room: "a", message: "x".repeat(length), nonce: "n" }));

/** Valid and invalid frames of the full protocol. */
export const textFrame: fc.Arbitrary<string> = fc.oneof(
  { weight: 40, arbitrary: valid.map((frame) => JSON.stringify(frame)) },
  { weight: 25, arbitrary: mutated },
  { weight: 15, arbitrary: broken },
  { weight: 8, arbitrary: fc.json({ maxDepth: 4 }) },
  { weight: 8, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 2, arbitrary: deep },
  { weight: 1, arbitrary: large },
);

/** Valid and invalid frames of the plain protocol. */
export const plainFrame: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ message: text, user: text }).map((frame) => JSON.stringify(frame)) },
  { weight: 1, arbitrary: textFrame },
);

export { room as roomName };
