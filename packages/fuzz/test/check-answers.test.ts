/** Checks the checks: fuzzing proves nothing unless they detect faults. */
import { ERRORS } from "@madang/protocol";
import t from "tap";
import { checkAnswer, checkFrame } from "../src/check-answers.ts";

const event = { type: "message", room: "a", user: "u", message: "m", at: "2026-01-01T00:00:00.000Z" };
const placed = { epoch: "0e", seq: 1, ...event };

t.test("faulty frames are detected", async (t) => {
  for (const frame of [
    placed,
    { type: "left", room: "a" },
    { type: "typing", room: "a", user: "u" },
    { type: "error", user: "system", code: "bad_json", message: "", temporary: false },
  ])
    t.equal(checkFrame(JSON.stringify(frame)), undefined, frame.type);
  t.match(checkFrame("{"), /^not JSON/);
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
    t.match(checkFrame(JSON.stringify(frame)), /^not a frame of the protocol/, JSON.stringify(frame));
});

t.test("faulty answers are detected", async (t) => {
  const check = (method: string, path: string, status: number, body: unknown, type = "application/json") =>
    checkAnswer({ method, path, headers: {}, body: undefined }, status, type, JSON.stringify(body));
  const room = { room: "a", topic: "", status: 0, createdAt: "2026" };
  const stored = { room: "a", seq: 1, epoch: "0e", position: "0e.1", duplicate: false };
  const { status, message } = ERRORS.not_found;
  const problem = { type: "urn:madang:error:not_found", title: message, status, code: "not_found" };
  t.equal(check("GET", "/v1/rooms/a?x=1", 200, room), undefined);
  t.equal(check("GET", "/v1/rooms", 200, { rooms: [room] }), undefined);
  t.equal(check("POST", "/v1/rooms/a/messages", 201, stored), undefined);
  t.equal(check("GET", "/v1/rooms/a", 404, problem, "application/problem+json; charset=utf-8"), undefined);
  t.match(check("GET", "/v1/rooms/a", 503, problem, "application/problem+json"), "server error");
  t.match(check("GET", "/v1/rooms/a", 404, problem), "application/json");
  t.match(
    check("GET", "/v1/rooms/a", 404, { code: "not_found" }, "application/problem+json"),
    "not a problem document",
  );
  t.match(check("GET", "/v1/rooms/a/messages", 200, stored), "undocumented body");
  t.match(check("GET", "/not/documented", 200, room), "undocumented body");
  t.match(
    checkAnswer({ method: "GET", path: "/v1/rooms", headers: {}, body: undefined }, 200, "", "<html>"),
    "not JSON",
  );
});
