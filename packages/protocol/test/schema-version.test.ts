import { createHash } from "node:crypto";
import t from "tap";
import { ControlFrame, LogEvent, PlainMessageFrame, SUBPROTOCOL, TypingNotice, UpFrame } from "../src/index.ts";

/**
 * The wire schemas of each version of the protocol, hashed without their descriptions. If this test fails, the wire
 * format changed. An addition that old clients can ignore needs a new line here; any other change needs a new
 * subprotocol. The first four hashes include the descriptions of their time.
 */
const HISTORY: readonly [version: string, schemas: string, change: string][] = [
  ["madang.v1", "2c513dd4aa5f69e8", "the first version"],
  ["madang.v1", "0b8076ab9378d4f3", "moderation: member events, slowModeS in room events"],
  ["madang.v1", "12c954a097221805", "typing, and its notice to the others"],
  ["madang.v1", "d8207618bd307f1a", "replyTo has a maximum: larger numbers lose precision"],
  ["madang.v1", "f03cbf361ff1a126", "the same schemas, hashed without descriptions"],
  ["madang.v1", "f0a8c2710008d0f8", "the error unsupported_media_type"],
  ["madang.v1", "3659c21d1a80b7df", "the error token_not_valid_yet"],
  [
    "madang.v1",
    "273dde17a1bd7323",
    "deletion and erasure: cleared in room events, erased in delete events, room_deleted",
  ],
];

const withoutDescriptions = (key: string, value: unknown) =>
  key === "description" && typeof value === "string" ? undefined : value;

t.test("the wire schemas match the last line of the protocol's history", async (t) => {
  const wire = [UpFrame, ControlFrame, TypingNotice, LogEvent, PlainMessageFrame];
  const schemas = createHash("sha256").update(JSON.stringify(wire, withoutDescriptions)).digest("hex").slice(0, 16);
  const [version, expected] = HISTORY.at(-1)!;
  t.equal(version, SUBPROTOCOL);
  t.equal(schemas, expected);
});
