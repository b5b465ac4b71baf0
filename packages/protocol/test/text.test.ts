import t from "tap";
import { requireNonce, requireText, requireUser, TEXT_MAX_CHARACTERS, USER_MAX_CHARACTERS } from "../src/index.ts";

const INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u3164", "\u200b \n\u200d\u00ad"];

t.test("nicknames: any script, in NFC, up to 100 characters", async (t) => {
  for (const name of ["민수", "a", "...", "a b", "👩‍👩‍👧", "مهر\u200cداد", "a/b", "😀".repeat(USER_MAX_CHARACTERS)])
    t.equal(requireUser(name), name, name);
  t.equal(requireUser("민수".normalize("NFD")), "민수");
  t.equal(requireUser("가".normalize("NFD").repeat(USER_MAX_CHARACTERS)), "가".repeat(USER_MAX_CHARACTERS));
});

t.test("invalid nicknames are refused", async (t) => {
  const names = [
    "",
    " ",
    "\u3000",
    ...INVISIBLE,
    ".",
    "..",
    "a\u0000",
    "a\n",
    "a\u007f",
    "a\u2028",
    "a\ud800",
    7,
    null,
    undefined,
  ];
  const tooLong = ["a".repeat(USER_MAX_CHARACTERS + 1), "a".repeat(1e6)];
  for (const [index, name] of [...names, ...tooLong].entries()) {
    t.throws(() => requireUser(name), { code: "bad_user", field: "user" }, `name ${index}`);
  }
});

t.test("texts are kept as they are, up to a number of code points", async (t) => {
  for (const text of ["👩‍👩‍👧", "می\u200cخواهم", "\u200ba", "❤\ufe0f", "\u2800"])
    t.equal(requireText(text), text, "joined");
  for (const text of [" a ", "\n안녕\n", "😀".repeat(TEXT_MAX_CHARACTERS)]) t.equal(requireText(text), text);
  t.equal(requireText("a\ud800b"), "a\ufffdb", "no lone surrogate");
  for (const text of ["", " \n\t", "\u3000", ...INVISIBLE]) t.throws(() => requireText(text), { code: "empty_text" });
  t.equal(requireText("😀😀", 2), "😀😀");
  for (const text of ["abc", "😀😀😀", "a😀b"]) t.throws(() => requireText(text, 2), { code: "text_too_long" }, text);
});

t.test("nonces are well-formed", async (t) => {
  t.equal(requireNonce("n-1 민수 😀"), "n-1 민수 😀");
  t.throws(() => requireNonce("\ud83d"), { code: "bad_frame", field: "nonce" });
});
