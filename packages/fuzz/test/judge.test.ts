/** The judges themselves: what is wrong is seen to be wrong, or a minute of fuzz proves nothing. */
import { ERRORS } from "@madang/protocol";
import t from "tap";
import { judgeAnswer, judgeFrame } from "../src/judge.ts";

const event = { type: "message", room: "a", user: "u", message: "m", at: "2026-01-01T00:00:00.000Z" };
const placed = { epoch: "0e", seq: 1, ...event };

t.test("frames", async (t) => {
  for (const frame of [
    placed,
    { type: "left", room: "a" },
    { type: "typing", room: "a", user: "u" },
    { type: "error", user: "system", code: "bad_json", message: "", temporary: false },
  ])
    t.equal(judgeFrame(JSON.stringify(frame)), undefined, frame.type);
  t.match(judgeFrame("{"), /^not JSON/);
  for (const frame of [
    event,
    { ...placed, seq: 1.5 },
    { ...placed, epoch: 7 },
    { ...placed, user: undefined },
    { type: "left" },
    { type: "error", user: "system", code: "no_such_code", message: "", temporary: false },
    { type: "what" },
    null,
  ])
    t.match(judgeFrame(JSON.stringify(frame)), /^no frame of the protocol/, JSON.stringify(frame));
});

t.test("answers", async (t) => {
  const judge = (method: string, path: string, status: number, body: unknown, type = "application/json") =>
    judgeAnswer({ method, path, headers: {}, body: undefined }, status, type, JSON.stringify(body));
  const room = { room: "a", topic: "", status: 0, createdAt: "2026" };
  const stored = { room: "a", seq: 1, epoch: "0e", position: "0e.1", duplicate: false };
  const { status, message } = ERRORS.not_found;
  const problem = { type: "urn:madang:error:not_found", title: message, status, code: "not_found" };
  t.equal(judge("GET", "/v1/rooms/a?x=1", 200, room), undefined);
  t.equal(judge("GET", "/v1/rooms", 200, { rooms: [room] }), undefined);
  t.equal(judge("POST", "/v1/rooms/a/messages", 201, stored), undefined);
  t.equal(judge("GET", "/v1/rooms/a", 404, problem, "application/problem+json; charset=utf-8"), undefined);
  t.match(judge("GET", "/v1/rooms/a", 503, problem, "application/problem+json"), "a server's error");
  t.match(judge("GET", "/v1/rooms/a", 404, problem), "application/json");
  t.match(judge("GET", "/v1/rooms/a", 404, { code: "not_found" }, "application/problem+json"), "no problem");
  t.match(judge("GET", "/v1/rooms/a/messages", 200, stored), "another body than documented");
  t.match(judge("GET", "/not/documented", 200, room), "another body than documented");
  t.match(
    judgeAnswer({ method: "GET", path: "/v1/rooms", headers: {}, body: undefined }, 200, "", "<html>"),
    "not JSON",
  );
});
