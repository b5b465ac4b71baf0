import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Free ports are chosen below the range of outgoing connections (from 32768 on Linux, from 49152 elsewhere). In that range
 * an outgoing connection could take the port of a server that restarts, or a client that retries could connect to itself.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 50;

/** Returns the system error code (such as `EADDRINUSE`) of listening on this port of loopback; undefined if it is free. */
export async function portProblem(port: number): Promise<string | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  } finally {
    server.close();
  }
}

/** Returns a port of loopback that is free now. Another process may take it before the caller does. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (!(await portProblem(port))) return port;
  }
  throw new Error(`No free port found between ${FIRST_PORT} and ${LAST_PORT}.`);
}

/** Runs `start` with the given port. Without one it tries free ports, until no other process takes the port first. */
export async function withPort<T>(port: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (port) return start(port);
  for (let attempt = 1; ; attempt++) {
    const candidate = await freePort();
    try {
      return await start(candidate);
    } catch (error) {
      if (attempt === ATTEMPTS || !(await portProblem(candidate))) throw error;
    }
  }
}
