import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { SUBPROTOCOL } from "@madang/protocol";
import fc from "fast-check";
import { WebSocket } from "ws";
import { HANDSHAKE } from "./attack/peer.ts";
import { judgeAnswer, judgeFrame } from "./judge.ts";
import { handshake, rawFrame } from "./raw-frames.ts";
import { type ApiDocument, type HttpRequest, requests } from "./requests.ts";
import type { System } from "./system.ts";
import { plainFrame, textFrame } from "./text-frames.ts";

export interface FuzzReport {
  frames: number;
  handshakes: number;
  requests: number;
  /** What the server answered, events included. */
  answers: number;
  /** In words, the first ones; empty: nothing was wrong. */
  readonly wrong: string[];
}

const FRAMES_PER_CONNECTION = 50;
const CONNECTIONS_AT_ONCE = 4;
const ANSWER_LIMIT_MS = 5000;
const WRONG_MAX = 20;
/** The nonce of a message that is refused: all that came before it has been handled by then. */
const LAST_WORD = "the last word, which no fuzz says";

/**
 * Ill-treats the system round by round: text frames, raw bytes, handshakes, HTTP. The same seed gives the same input.
 * Meanwhile a watcher's room must hear its own voice and nothing else.
 * @param until asked before each round with the report so far
 */
export async function fuzz(system: System, seed: number, until: (report: FuzzReport) => boolean): Promise<FuzzReport> {
  const report: FuzzReport = { frames: 0, handshakes: 0, requests: 0, answers: 0, wrong: [] };
  const accuse = (what: string | undefined) => {
    if (what !== undefined && report.wrong.length < WRONG_MAX) report.wrong.push(what);
  };
  const api = (await (await fetch(`${system.persistence.url}/docs/json`)).json()) as ApiDocument;
  const request = requests(api);
  const watcher = await Watcher.join(system, accuse);
  for (let round = 0; !until(report); round++) {
    const draw = <T>(arbitrary: fc.Arbitrary<T>, count: number, part: number) =>
      fc.sample(arbitrary, { seed: seed + round * 64 + part, numRuns: count });
    const work = Array.from({ length: CONNECTIONS_AT_ONCE }, (_, i) => [
      converse(system, true, draw(textFrame, FRAMES_PER_CONNECTION, i), report, accuse),
      converse(system, false, draw(plainFrame, FRAMES_PER_CONNECTION, 8 + i), report, accuse),
      shout(system, draw(rawFrame, FRAMES_PER_CONNECTION, 16 + i), report),
      knock(system, draw(handshake, 1, 24 + i)[0]!, report),
      ask(system, draw(request, 1, 32 + i)[0]!, report, accuse),
    ]);
    await Promise.all([...work.flat(), watcher.speak()]);
    if (report.wrong.length > 0) {
      report.wrong.push(`(seed ${seed}, round ${round})`);
      break;
    }
  }
  await watcher.leave();
  for (const what of await system.damage()) accuse(what);
  return report;
}

async function converse(
  { edge }: System,
  isFull: boolean,
  frames: readonly string[],
  report: FuzzReport,
  accuse: (what: string | undefined) => void,
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
    accuse(judgeFrame(text));
    if (text.includes(isFull ? LAST_WORD : '"binary_frame"')) done();
  });
  await once(ws, "open");
  if (isFull) ws.send('{"type":"hello","user":"fuzz"}');
  for (const frame of frames) {
    if (ws.readyState !== WebSocket.OPEN) break;
    ws.send(frame);
    report.frames++;
  }
  if (ws.readyState === WebSocket.OPEN) {
    if (isFull) ws.send(JSON.stringify({ type: "message", room: LAST_WORD, message: "x", nonce: LAST_WORD }));
    else ws.send(Buffer.from([0]), { binary: true });
  }
  const inTime = await Promise.race([finished.then(() => true), delay(ANSWER_LIMIT_MS, false, { ref: false })]);
  if (!inTime) accuse(`no answer within ${ANSWER_LIMIT_MS} ms to: ${JSON.stringify(frames).slice(0, 2000)}`);
  ws.terminate();
}

/** Raw bytes on an open connection. What is answered is for a client to parse; that the server lives is what counts. */
async function shout({ edge }: System, frames: readonly Buffer[], report: FuzzReport): Promise<void> {
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

async function knock({ edge }: System, head: string, report: FuzzReport): Promise<void> {
  const socket = connect(edge.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(head);
  report.handshakes++;
  // A head that is not whole gets no answer: that it is cut off in time is tested elsewhere.
  await Promise.race([once(socket, "data").catch(() => {}), once(socket, "close"), delay(50)]);
  socket.destroy();
}

async function ask(
  { edge }: System,
  request: HttpRequest,
  report: FuzzReport,
  accuse: (what: string | undefined) => void,
): Promise<void> {
  const { method, path, headers, body } = request;
  const response = await fetch(edge.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  report.requests++;
  // The URL that was asked for in the end: dots in it are gone.
  const asked = { ...request, path: new URL(response.url).pathname };
  accuse(judgeAnswer(asked, response.status, response.headers.get("content-type") ?? "", await response.text()));
}

/** Somebody in a room of their own. */
class Watcher {
  readonly #ws: WebSocket;
  readonly #room: string;
  #spoken = 0;
  #heard = 0;

  private constructor(ws: WebSocket, room: string) {
    this.#ws = ws;
    this.#room = room;
  }

  static async join({ edge }: System, accuse: (what: string | undefined) => void): Promise<Watcher> {
    const ws = new WebSocket(`ws://127.0.0.1:${edge.port}/ws`, SUBPROTOCOL);
    const watcher = new Watcher(ws, `watched ${randomUUID()}`);
    await once(ws, "open");
    const joined = new Promise<void>((resolve) => {
      ws.on("message", (data) => {
        const frame = JSON.parse(data.toString()) as { type: string; room?: string; message?: string };
        if (frame.type === "caughtUp") resolve();
        if (frame.type !== "message") return;
        const isOwn = frame.room === watcher.#room && frame.message === `${watcher.#heard++}`;
        if (!isOwn) accuse(`the watcher heard ${data.toString().slice(0, 200)}`);
      });
    });
    ws.on("close", () => accuse("the watcher's connection was closed"));
    ws.send(JSON.stringify({ type: "hello", user: "watcher", join: [{ room: watcher.#room }] }));
    await joined;
    return watcher;
  }

  /** Resolves when it has heard itself. */
  async speak(): Promise<void> {
    const n = this.#spoken++;
    this.#ws.send(JSON.stringify({ type: "message", room: this.#room, message: `${n}`, nonce: `${n}` }));
    const limit = performance.now() + ANSWER_LIMIT_MS;
    while (this.#heard <= n && performance.now() < limit) await delay(2);
    if (this.#heard <= n) throw new Error(`the watcher did not hear itself within ${ANSWER_LIMIT_MS} ms`);
  }

  async leave(): Promise<void> {
    this.#ws.removeAllListeners("close");
    this.#ws.terminate();
  }
}
