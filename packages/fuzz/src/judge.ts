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

/** What is wrong with a frame of the server's; `undefined`: nothing. */
export function judgeFrame(text: string): string | undefined {
  let frame: { type?: unknown; seq?: unknown; epoch?: unknown } | null;
  try {
    frame = JSON.parse(text) as typeof frame;
  } catch {
    return `not JSON: ${text.slice(0, 200)}`;
  }
  if (control.Check(frame) || typing.Check(frame)) return undefined;
  const isPlaced = Number.isSafeInteger(frame?.seq) && typeof frame?.epoch === "string";
  if (isPlaced && event.Check(frame)) return undefined;
  return `no frame of the protocol: ${text.slice(0, 200)}`;
}

/** What is wrong with an answer; `undefined`: nothing. */
export function judgeAnswer(request: HttpRequest, status: number, type: string, text: string): string | undefined {
  const path = request.path.split("?")[0]!;
  const wrong = (what: string) => `${request.method} ${path.slice(0, 100)} ${status}: ${what} ${text.slice(0, 200)}`;
  if (status >= 500) return wrong("a server's error");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return wrong("not JSON");
  }
  if (status >= 400) {
    if (!type.startsWith("application/problem+json")) return wrong(type);
    return problem.Check(body) ? undefined : wrong("no problem");
  }
  const schema = bodies.find(([route]) => route.test(`${request.method} ${path}`))?.[1];
  return schema?.Check(body) ? undefined : wrong("another body than documented");
}
