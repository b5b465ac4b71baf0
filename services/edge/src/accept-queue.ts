import type { Server } from "node:http";
import type { Socket } from "node:net";

/** To read a newcomer's first request takes some 0.2 ms. */
const PER_TURN = 8;
/** Who says nothing for so long is handed over as well: from there on the time for a request runs. */
const SILENT_MS = 1000;

/**
 * Has the first requests of new sockets read a few in each turn of the event loop, in the order of their coming. When
 * a neighbour dies, hundreds come within a millisecond: read at once, they would hold up every message for a tenth of
 * a second. To be called before anything else listens to the server.
 * @returns ends it, before the server closes: it knows nothing of who was not handed over, and would wait for them.
 */
export function acceptInTurns(server: Server): () => void {
  const serve = server.listeners("connection")[0] as (this: Server, socket: Socket) => void;
  server.off("connection", serve);
  /** Who has said nothing yet, and what puts them in the line. */
  const silent = new Map<Socket, () => void>();
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
  const park = (socket: Socket) => {
    // Until it is served nobody else listens, and an error that nobody hears ends the process.
    socket.on("error", ignore).on("close", left);
    const queue = () => {
      clearTimeout(timer);
      socket.off("readable", queue);
      silent.delete(socket);
      if (socket.destroyed) return;
      waiting.add(socket);
      if (!scheduled) setImmediate(next);
      scheduled = true;
    };
    const timer = setTimeout(queue, SILENT_MS);
    silent.set(socket, queue);
    socket.on("readable", queue);
  };
  function left(this: Socket): void {
    silent.get(this)?.();
    waiting.delete(this);
  }

  server.on("connection", park);
  return () => {
    for (const queue of silent.values()) queue();
    handOver(Number.POSITIVE_INFINITY);
    server.off("connection", park).prependListener("connection", serve);
  };
}

function ignore(): void {}
