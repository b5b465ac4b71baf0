import {
  ControlFrame,
  HistoryPage,
  LogEvent,
  PostedMessage,
  Problem,
  Room,
  RoomList,
  TypingNotice,
} from "@madang/protocol";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { HttpRequest } from "./requests.ts";

const control = Compile(ControlFrame);
const event = Compile(LogEvent);
const typing = Compile(TypingNotice);
const problem = Compile(Problem);
const bodies: readonly [path: RegExp, schema: { Check(value: unknown): boolean }][] = [
  [/^POST .*\/messages$/, Compile(PostedMessage as TSchema)],
  [/^GET .*\/messages$/, Compile(HistoryPage as TSchema)],
  [/^(GET|PUT) \/v1\/rooms\/[^/]+$/, Compile(Room as TSchema)],
  [/^GET \/v1\/rooms$/, Compile(RoomList as TSchema)],
];

/** Checks a frame from the server. @returns the problem, or undefined */
export function checkFrame(text: string): string | undefined {
  let frame: { type?: unknown; seq?: unknown; epoch?: unknown } | null;
  try {
    frame = JSON.parse(text) as typeof frame;
  } catch {
    return `not JSON: ${text.slice(0, 200)}`;
  }
  if (control.Check(frame) || typing.Check(frame)) return undefined;
  const isPlaced = Number.isSafeInteger(frame?.seq) && typeof frame?.epoch === "string";
  if (isPlaced && event.Check(frame)) return undefined;
  return `not a frame of the protocol: ${text.slice(0, 200)}`;
}

/** Checks the answer to a request. @returns the problem, or undefined */
export function checkAnswer(request: HttpRequest, status: number, type: string, text: string): string | undefined {
  const path = request.path.split("?")[0]!;
  const problemWith = (reason: string) =>
    `${request.method} ${path.slice(0, 100)} ${status}: ${reason} ${text.slice(0, 200)}`;
  if (status >= 500) return problemWith("server error");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return problemWith("not JSON");
  }
  if (status >= 400) {
    if (!type.startsWith("application/problem+json")) return problemWith(type);
    return problem.Check(body) ? undefined : problemWith("not a problem document");
  }
  const schema = bodies.find(([route]) => route.test(`${request.method} ${path}`))?.[1];
  return schema?.Check(body) ? undefined : problemWith("undocumented body");
}
