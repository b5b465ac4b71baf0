import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { SUBPROTOCOL } from "@madang/protocol";
import fc from "fast-check";
import { WebSocket } from "ws";
import { HANDSHAKE } from "./attack/peer.ts";
import { checkAnswer, checkFrame } from "./check-answers.ts";
import { handshake, rawFrame } from "./raw-frames.ts";
import { type ApiDocument, type HttpRequest, requests } from "./requests.ts";
import type { System } from "./system.ts";
import { plainFrame, textFrame } from "./text-frames.ts";

export interface FuzzReport {
  frames: number;
  handshakes: number;
  requests: number;
  /** Frames from the server, including events. */
  answers: number;
  /** The first faults, one line each. */
  readonly faults: string[];
}

const FRAMES_PER_CONNECTION = 50;
const CONNECTIONS_AT_ONCE = 4;
const ANSWER_LIMIT_MS = 5000;
const MAX_FAULTS = 20;
/** Room and nonce of a last message that the edge refuses. Its answer shows that all earlier frames are handled. */
const END_MARK = "the end mark, which no frame contains";

/**
 * Fuzzes the system in rounds of text frames, raw bytes, handshakes and HTTP requests. The same seed gives the same input.
 * Meanwhile a watcher must receive its own messages and no others.
 * @param until called before each round with the report so far; true ends the run
 */
export async function fuzz(system: System, seed: number, until: (report: FuzzReport) => boolean): Promise<FuzzReport> {
  const report: FuzzReport = { frames: 0, handshakes: 0, requests: 0, answers: 0, faults: [] };
  const fail = (fault: string | undefined) => {
    if (fault !== undefined && report.faults.length < MAX_FAULTS) report.faults.push(fault);
  };
  const api = (await (await fetch(`${system.persistence.url}/docs/json`)).json()) as ApiDocument;
  const request = requests(api);
  const watcher = await Watcher.join(system, fail);
  for (let round = 0; !until(report); round++) {
    const draw = <T>(arbitrary: fc.Arbitrary<T>, count: number, part: number) =>
      fc.sample(arbitrary, { seed: seed + round * 64 + part, numRuns: count });
    const work = Array.from({ length: CONNECTIONS_AT_ONCE }, (_, i) => [
      fuzzFrames(system, true, draw(textFrame, FRAMES_PER_CONNECTION, i), report, fail),
      fuzzFrames(system, false, draw(plainFrame, FRAMES_PER_CONNECTION, 8 + i), report, fail),
      fuzzBytes(system, draw(rawFrame, FRAMES_PER_CONNECTION, 16 + i), report),
      fuzzHandshake(system, draw(handshake, 1, 24 + i)[0]!, report),
      fuzzRequest(system, draw(request, 1, 32 + i)[0]!, report, fail),
    ]);
    await Promise.all([...work.flat(), watcher.send()]);
    if (report.faults.length > 0) {
      report.faults.push(`(seed ${seed}, round ${round})`);
      break;
    }
  }
  await watcher.leave();
  for (const fault of await system.damage()) fail(fault);
  return report;
}

async function fuzzFrames(
  { edge }: System,
  isFull: boolean,
  frames: readonly string[],
  report: FuzzReport,
  fail: (fault: string | undefined) => void,
): Promise<void> {
  const url = `ws://127.0.0.1:${edge.port}`;
  const ws = isFull ? new WebSocket(`${url}/ws`, SUBPROTOCOL) : new WebSocket(`${url}/ws/chat/a/`);
  let done = () => {};
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  ws.on("error", () => done());
  ws.on("close", () => done());
  ws.on("message", (data) => {
    const text = data.toString();
    report.answers++;
    fail(checkFrame(text));
    if (text.includes(isFull ? END_MARK : '"binary_frame"')) done();
  });
  await once(ws, "open");
  if (isFull) ws.send('{"type":"hello","user":"fuzz"}');
  for (const frame of frames) {
    if (ws.readyState !== WebSocket.OPEN) break;
    ws.send(frame);
    report.frames++;
  }
  if (ws.readyState === WebSocket.OPEN) {
    if (isFull) ws.send(JSON.stringify({ type: "message", room: END_MARK, message: "x", nonce: END_MARK }));
    else ws.send(Buffer.from([0]), { binary: true });
  }
  const inTime = await Promise.race([finished.then(() => true), delay(ANSWER_LIMIT_MS, false, { ref: false })]);
  if (!inTime) fail(`no answer within ${ANSWER_LIMIT_MS} ms to: ${JSON.stringify(frames).slice(0, 2000)}`);
  ws.terminate();
}

/** Sends raw bytes on an open connection and ignores the answers. The server must survive. */
async function fuzzBytes({ edge }: System, frames: readonly Buffer[], report: FuzzReport): Promise<void> {
  const socket = connect(edge.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(HANDSHAKE);
  await Promise.race([once(socket, "data"), once(socket, "close")]);
  socket.resume();
  for (const frame of frames) {
    if (socket.destroyed) break;
    socket.write(frame);
    report.frames++;
  }
  await new Promise<void>((resolve) => socket.end(resolve));
  socket.destroy();
}

async function fuzzHandshake({ edge }: System, head: string, report: FuzzReport): Promise<void> {
  const socket = connect(edge.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(head);
  report.handshakes++;
  // An incomplete head gets no answer. Other tests check its time limit.
  await Promise.race([once(socket, "data").catch(() => {}), once(socket, "close"), delay(50)]);
  socket.destroy();
}

async function fuzzRequest(
  { edge }: System,
  request: HttpRequest,
  report: FuzzReport,
  fail: (fault: string | undefined) => void,
): Promise<void> {
  const { method, path, headers, body } = request;
  const response = await fetch(edge.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  report.requests++;
  // The path after normalization, which removes dots.
  const asked = { ...request, path: new URL(response.url).pathname };
  fail(checkAnswer(asked, response.status, response.headers.get("content-type") ?? "", await response.text()));
}

/** A member of a room without other members. */
class Watcher {
  readonly #ws: WebSocket;
  readonly #room: string;
  #sent = 0;
  #received = 0;

  private constructor(ws: WebSocket, room: string) {
    this.#ws = ws;
    this.#room = room;
  }

  static async join({ edge }: System, fail: (fault: string | undefined) => void): Promise<Watcher> {
    const ws = new WebSocket(`ws://127.0.0.1:${edge.port}/ws`, SUBPROTOCOL);
    const watcher = new Watcher(ws, `watched ${randomUUID()}`);
    await once(ws, "open");
    const joined = new Promise<void>((resolve) => {
      ws.on("message", (data) => {
        const frame = JSON.parse(data.toString()) as { type: string; room?: string; message?: string };
        if (frame.type === "caughtUp") resolve();
        if (frame.type !== "message") return;
        const isOwn = frame.room === watcher.#room && frame.message === `${watcher.#received++}`;
        if (!isOwn) fail(`the watcher received ${data.toString().slice(0, 200)}`);
      });
    });
    ws.on("close", () => fail("the watcher's connection was closed"));
    ws.send(JSON.stringify({ type: "hello", user: "watcher", join: [{ room: watcher.#room }] }));
    await joined;
    return watcher;
  }

  /** Sends a message. Resolves when it arrives. */
  async send(): Promise<void> {
    const n = this.#sent++;
    this.#ws.send(JSON.stringify({ type: "message", room: this.#room, message: `${n}`, nonce: `${n}` }));
    const limit = performance.now() + ANSWER_LIMIT_MS;
    while (this.#received <= n && performance.now() < limit) await delay(2);
    if (this.#received <= n) throw new Error(`the watcher did not receive its message within ${ANSWER_LIMIT_MS} ms`);
  }

  async leave(): Promise<void> {
    this.#ws.removeAllListeners("close");
    this.#ws.terminate();
  }
}
