import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import t from "tap";
import {
  CLOSE_CODES,
  ControlFrame,
  ERRORS,
  LogEvent,
  PlainMessageFrame,
  SUBPROTOCOL,
  TypingNotice,
  UpFrame,
} from "../src/index.ts";

/**
 * The wire schemas of each version of the protocol. If this fails, the wire changed: an addition that old clients
 * may ignore takes a new line here; anything else takes a new subprotocol.
 */
const HISTORY: readonly [version: string, schemas: string, change: string][] = [
  ["madang.v1", "2c513dd4aa5f69e8", "the first version"],
  ["madang.v1", "0b8076ab9378d4f3", "moderation: member events, slowModeS in room events"],
  ["madang.v1", "12c954a097221805", "typing, and its notice to the others"],
  ["madang.v1", "d8207618bd307f1a", "replyTo has a maximum: beyond it a number is not the one that was written"],
];

t.test("the wire schemas are those of the last line of the protocol's history", async (t) => {
  const schemas = createHash("sha256")
    .update(JSON.stringify([UpFrame, ControlFrame, TypingNotice, LogEvent, PlainMessageFrame]))
    .digest("hex")
    .slice(0, 16);
  const [version, expected] = HISTORY.at(-1)!;
  t.equal(version, SUBPROTOCOL);
  t.equal(schemas, expected);
});

t.test("docs/reference/protocol.md has every error and every close code", async (t) => {
  // The formatter pads the cells of a table.
  const text = readFileSync(new URL("../../../docs/reference/protocol.md", import.meta.url), "utf8").replace(
    / +/g,
    " ",
  );
  for (const [code, { status }] of Object.entries(ERRORS)) t.ok(text.includes(`| \`${code}\` | ${status} |`), code);
  for (const { code, reason } of Object.values(CLOSE_CODES)) t.ok(text.includes(`| ${code} | ${reason} |`), reason);
});
