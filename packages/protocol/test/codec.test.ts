import t from "tap";
import {
  aboutOf,
  CLOSE_CODES,
  decodePlain,
  decodeUp,
  encodeEvent,
  errorFrame,
  eventHead,
  eventLength,
  formatPosition,
  isLogEvent,
  isStoredMessage,
  JSON_MAX_DEPTH,
  NONCE_MAX_LENGTH,
  newEpoch,
  ProtocolError,
  parsePosition,
  requireText,
  requireUser,
  shouldReconnect,
  writeEvent,
} from "../src/index.ts";

const code = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as ProtocolError).code;
  }
};

t.test("F3 a frame is decoded, or refused with the invalid field", async (t) => {
  t.match(decodeUp('{"type":"message","room":"a","message":"hi","nonce":"1","extra":true}'), { message: "hi" });
  t.equal(
    code(() => decodeUp("{")),
    "bad_json",
  );
  for (const bad of ["[]", "null", "7", '"x"', "{}", '{"type":"__proto__"}', '{"type":"nope"}', '{"type":7}']) {
    t.equal(
      code(() => decodeUp(bad)),
      "bad_frame",
      bad,
    );
  }
  t.throws(() => decodeUp('{"type":"message","room":"a","message":"hi"}'), { code: "bad_frame", field: "nonce" });
  t.throws(() => decodeUp('{"type":"message","room":7,"message":"hi","nonce":"1"}'), {
    code: "bad_frame",
    field: "room",
  });
  t.throws(() => decodeUp('{"type":"join"}'), { code: "bad_frame", field: "room" });
});

t.test("F6 nesting is limited before parsing, and brackets in strings do not count", async (t) => {
  const nested = (open: string, close: string, depth: number) =>
    `{"type":"leave","room":"a","more":${open.repeat(depth)}1${close.repeat(depth)}}`;
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    t.match(decodeUp(nested(open, close, JSON_MAX_DEPTH - 1)), { room: "a" });
    t.throws(() => decodeUp(nested(open, close, JSON_MAX_DEPTH)), { code: "bad_frame" });
    t.throws(() => decodePlain(open.repeat(JSON_MAX_DEPTH + 1)), { code: "bad_frame" });
  }
  t.match(decodeUp(`{"type":"leave","room":"a","more":[${Array(99).fill("[]").join()}]}`), { room: "a" });
  const brackets = "[{".repeat(99);
  for (const message of [brackets, `"${brackets}`, `${brackets}\\`, `\\"${brackets}`, `\\${brackets}"`]) {
    const frame = JSON.stringify({ type: "message", room: "a", nonce: "1", message });
    t.match(decodeUp(frame), { message }, frame);
  }
  t.equal(
    code(() => decodeUp('{"type":"')),
    "bad_json",
  );
});

t.test("P1 the tutorial's frame", async (t) => {
  t.match(decodePlain('{"message":"hi","user":"민수"}'), { user: "민수" });
  t.throws(() => decodePlain('{"message":"hi"}'), { code: "bad_frame", field: "user" });
  t.throws(() => decodePlain('{"message":1,"user":"a"}'), { code: "bad_frame", field: "message" });
});

t.test("a stored event becomes its frame without parsing", async (t) => {
  const event = {
    type: "message",
    room: "수다방",
    user: "민수",
    message: 'a "b" \\ 한',
    at: "2026-01-01T00:00:00.000Z",
  } as const;
  const stored = encodeEvent(event);
  const head = eventHead("0epoch", 42);
  const frame = Buffer.alloc(eventLength(head, stored) + 3);
  t.equal(writeEvent(frame, 3, head, stored), frame.length - 3);
  t.same(JSON.parse(frame.toString("utf8", 3)), { epoch: "0epoch", seq: 42, ...event });
  t.ok(isStoredMessage(stored));
  t.ok(isLogEvent(JSON.parse(Buffer.from(stored).toString())));
  t.notOk(isStoredMessage(encodeEvent({ type: "delete", room: "a", user: "b", target: 1, at: "" })));
  t.notOk(isLogEvent({ type: "message" }));
  const { type, ...rest } = event;
  t.equal(`${encodeEvent({ ...rest, type })}`, `${stored}`, "the type comes first in any order of fields");
  t.equal(`${encodeEvent({ ...event, nonce: undefined })}`, `${stored}`, "undefined fields are not stored");
});

t.test("blank, long and ill-formed texts", async (t) => {
  t.equal(
    code(() => requireText(" \n")),
    "empty_text",
  );
  t.equal(
    code(() => requireText("가".repeat(4001))),
    "text_too_long",
  );
  t.equal(requireText("👍".repeat(4000)).length, 8000, "characters are code points");
  t.equal(requireText("a\ud800b"), "a\ufffdb");
  t.equal(
    code(() => requireUser("a\nb")),
    "bad_user",
  );
  t.equal(
    code(() => requireUser("")),
    "bad_user",
  );
  t.equal(requireUser("민수"), "민수");
});

t.test("F2 positions", async (t) => {
  t.same(parsePosition(formatPosition("0abc", 12)), { epoch: "0abc", seq: 12 });
  for (const bad of ["", "a", "a.", ".1", "a.-1", "a.01", "a.1.2", "A.1", "a.99999999999999999", "a.9007199254740992"])
    t.equal(parsePosition(bad), undefined, bad);
  t.ok(newEpoch(1) < newEpoch(2) && newEpoch(Date.UTC(2026, 1)) < newEpoch(Date.UTC(2060, 1)), "epochs sort by time");
});

t.test("F3, F5 an error repeats at most 200 characters of an invalid room", async (t) => {
  t.same(aboutOf({ room: "r".repeat(60_000), nonce: "n".repeat(60_000) }), {
    room: "r".repeat(200),
    nonce: "n".repeat(2 * NONCE_MAX_LENGTH),
  });
  t.same(aboutOf({ room: 7, nonce: null }), {});
});

t.test("F7 the range of a close code decides", async (t) => {
  const reconnect = Object.entries(CLOSE_CODES)
    .filter(([, { code }]) => shouldReconnect(code))
    .map(([name]) => name);
  t.same(reconnect, ["serviceRestart", "tokenExpired", "noPong", "tooManyRequests", "noProgress"]);
  t.ok([1001, 1005, 1006, 3499, 4000, 4499].every(shouldReconnect));
  t.notOk([1000, 1002, 1007, 1008, 1009, 1011, 3500, 4500].some(shouldReconnect));
});

t.test("an unexpected error does not reveal its text", async (t) => {
  t.match(errorFrame(new Error("secret")), { code: "internal", temporary: true, message: /^((?!secret).)*$/ });
  t.match(errorFrame(new ProtocolError("rate_limited", { retryAfter: 2 }), { nonce: "n" }), {
    retryAfter: 2,
    nonce: "n",
    user: "system",
  });
});

t.test("a ProtocolError has no stack trace, and other errors keep theirs", async (t) => {
  t.notMatch(new ProtocolError("bad_json").stack, /\n\s+at /);
  t.match(new Error("a mistake").stack, /\n\s+at /);
});
