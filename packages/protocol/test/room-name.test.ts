import fc from "fast-check";
import t from "tap";
import { characters, parseRoomName, parseStoredRoomName, roomOfToken, roomPartition, roomToken } from "../src/index.ts";

const SUBJECT_TOKEN = /^[A-Za-z0-9_=-]+$/;

t.test("every string is refused or is a room name that its token identifies", async () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary", maxLength: 120 }), fc.string({ unit: "grapheme", maxLength: 60 })),
      (name) => {
        const room = parseRoomName(name);
        if (room === undefined) return;
        const token = roomToken(room);
        if (!SUBJECT_TOKEN.test(token)) throw new Error(`token ${token}`);
        if (roomOfToken(token) !== room) throw new Error(`token of ${JSON.stringify(room)} does not lead back`);
        if (parseRoomName(room) !== room) throw new Error("canonical form is not stable");
      },
    ),
    { numRuns: 3000 },
  );
});

t.test("two names never share a token", async () => {
  const tokens = new Map<string, string>();
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (name) => {
      const room = parseRoomName(name);
      if (room === undefined) return true;
      const before = tokens.get(roomToken(room));
      tokens.set(roomToken(room), room);
      return before === undefined || before === room;
    }),
    { numRuns: 3000 },
  );
});

t.test("names that are unsafe in a subject or a URL are refused", async (t) => {
  for (const bad of [
    "",
    " ",
    "a/b",
    "a\nb",
    "a\u0000",
    "\u2028",
    "\ud800",
    ".",
    "..",
    "x".repeat(101),
    7,
    null,
    undefined,
    {},
  ]) {
    t.equal(parseRoomName(bad), undefined, encodeURIComponent(String(bad).toWellFormed()));
  }
  for (const name of ["a.b", "*", ">", "a b", "수다방", "👨‍👩‍👧", "=abc", "x".repeat(65), "가".repeat(100)]) {
    t.equal(parseRoomName(name), name, name);
    t.notMatch(roomToken(name), /[.*> ]/);
  }
});

t.test("a name without a visible character is refused, but its stored room is still accepted", async (t) => {
  for (const name of ["\u200b", "\u2060\u200d", "\u00ad", "\u3164", " \u200b\u3000", "\ufe0f", "\u{e0020}"]) {
    const shown = encodeURIComponent(name);
    t.equal(parseRoomName(name), undefined, shown);
    t.equal(parseStoredRoomName(name), name, shown);
    t.equal(roomOfToken(roomToken(name)), name, `${shown} from the log`);
  }
  for (const name of ["", " ", "\u3000", "\ufeff", ".", "..", "a/b"])
    t.equal(parseStoredRoomName(name), undefined, name);
  for (const name of ["a\u200bb", "می\u200cخواهم", "❤\ufe0f", "...", ".\u200b"])
    t.equal(parseRoomName(name), name, name);
});

t.test("a name is compared in NFC", async (t) => {
  t.equal(parseRoomName("수다방".normalize("NFD")), "수다방");
  t.equal(characters("가👍"), 2);
});

t.test("tokens that roomToken does not produce are refused", async (t) => {
  for (const token of ["=", "=YQ", "==", "=4", "a.b", "=gICA", "x".repeat(65)])
    t.equal(roomOfToken(token), undefined, token);
});

t.test("the partition of a room never changes", async (t) => {
  t.equal(roomPartition(roomToken("lobby")), roomPartition("lobby"));
  t.same(["lobby", "bench0", roomToken("수다방")].map(roomPartition), ["19", "43", "00"]);
});
