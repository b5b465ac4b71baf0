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
 */
export function acceptInTurns(server: Server): void {
  const serve = server.listeners("connection")[0] as (this: Server, socket: Socket) => void;
  server.off("connection", serve);
  const waiting: Socket[] = [];
  const next = () => {
    for (const socket of waiting.splice(0, PER_TURN)) {
      socket.off("error", ignore);
      // Who has left has nothing to ask, and of those that it was not given, a server that closes knows nothing.
      if (socket.readableEnded || !server.listening) socket.destroy();
      else if (!socket.destroyed) serve.call(server, socket);
    }
    if (waiting.length > 0) setImmediate(next);
  };
  server.on("connection", (socket) => {
    // Until it is served nobody else listens, and an error that nobody hears ends the process.
    socket.on("error", ignore);
    const queue = () => {
      clearTimeout(timer);
      socket.off("readable", queue);
      if (waiting.push(socket) === 1) setImmediate(next);
    };
    const timer = setTimeout(queue, SILENT_MS);
    socket.on("readable", queue);
  });
}

function ignore(): void {}
