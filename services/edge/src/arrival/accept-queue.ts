import type { Server } from "node:http";
import type { Socket } from "node:net";
import { sendClientError } from "@madang/runtime";
import type { Admission } from "./admission.ts";

/** To read a newcomer's first request takes some 0.2 ms. */
const PER_TURN = 8;
/** What begins so wants to stay: it will have to be let in. */
const HANDSHAKE_START = Buffer.from("GET /ws");
/** As Node says it of a request that takes too long. */
const TOO_SILENT = Object.assign(new Error("Nothing was said."), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
const HEAD_END = "\r\n\r\n";

/**
 * Has the first requests of new sockets read a few in each turn of the event loop, in the order of their coming. When
 * a neighbour dies, hundreds come within a millisecond: read at once, they would hold up every message for a tenth of
 * a second. Handshakes are not read before they are let in: to read those of a crowd takes seconds of two cores, and
 * whoever waits outside costs nothing. Nor does HTTP get to know of who says nothing at all: a parser for each of thousands
 * would be a heap to collect. To be called before anything else listens to the server.
 * @param silenceMs after so long without a word a socket is answered 408; 0 is never
 * @returns ends it, before the server closes: it knows nothing of who was not handed over, and would wait for them.
 */
export function acceptInTurns(server: Server, admission: Pick<Admission, "turnAhead">, silenceMs: number): () => void {
  const serve = server.listeners("connection")[0] as (this: Server, socket: Socket) => void;
  server.off("connection", serve);
  /** Who has said nothing yet, and what puts them in the line. */
  const silent = new Map<Socket, () => void>();
  /** Those with a handshake who are not let in yet. */
  const outside = new Set<Socket>();
  /** The line. Who goes leaves it at once: thousands of them are nobody's wait. */
  const waiting = new Set<Socket>();
  let scheduled = false;

  const handOver = (most: number) => {
    let count = 0;
    for (const socket of waiting) {
      if (count === most) return;
      waiting.delete(socket);
      if (socket.destroyed) continue;
      count++;
      socket.off("error", ignore).off("close", left);
      // Who has said all without a word has nothing to ask.
      if (socket.readableEnded) socket.destroy();
      else serve.call(server, socket);
    }
  };
  const next = () => {
    handOver(PER_TURN);
    scheduled = waiting.size > 0;
    if (scheduled) setImmediate(next);
  };
  const line = (socket: Socket) => {
    waiting.add(socket);
    if (!scheduled) setImmediate(next);
    scheduled = true;
  };
  const park = (socket: Socket) => {
    // Until it is served nobody else listens, and an error that nobody hears ends the process.
    socket.on("error", ignore).on("close", left);
    const queue = () => {
      clearTimeout(timer);
      socket.off("readable", queue);
      silent.delete(socket);
      if (socket.destroyed) return;
      if (!asksToStay(socket)) return line(socket);
      outside.add(socket);
      void admission.turnAhead(socket).then(() => outside.delete(socket) && line(socket));
    };
    const timer = silenceMs > 0 ? setTimeout(sendClientError, silenceMs, TOO_SILENT, socket) : undefined;
    silent.set(socket, queue);
    socket.on("readable", queue);
  };
  function left(this: Socket): void {
    silent.get(this)?.();
    outside.delete(this);
    waiting.delete(this);
  }

  server.on("connection", park);
  return () => {
    for (const queue of silent.values()) queue();
    for (const socket of outside) waiting.add(socket);
    outside.clear();
    handOver(Number.POSITIVE_INFINITY);
    server.off("connection", park).prependListener("connection", serve);
  };
}

/**
 * Looks at what a socket has said so far, and leaves it there. Who has not said all takes no turn from those who have:
 * for them the time for a request runs.
 */
function asksToStay(socket: Socket): boolean {
  const said: Buffer | null = socket.read();
  if (said === null) return false;
  socket.unshift(said);
  return said.subarray(0, HANDSHAKE_START.length).equals(HANDSHAKE_START) && said.includes(HEAD_END);
}

function ignore(): void {}
