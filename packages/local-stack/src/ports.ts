import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Free ports are taken from below the range that systems use for outgoing connections (32768 on Linux, 49152 elsewhere):
 * a server that is killed and started again would otherwise find its port taken by somebody's outgoing connection, or a
 * client that keeps trying would connect to itself.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 50;

/** Why the port of loopback cannot be listened on now, as a system error code such as `EADDRINUSE`; undefined if it can. */
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

/** A port of loopback that is free now. Nothing keeps it so: who uses it must be ready to be refused. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (!(await portProblem(port))) return port;
  }
  throw new Error(`No free port found between ${FIRST_PORT} and ${LAST_PORT}.`);
}

/** Runs `start` with the port that was asked for, or with free ones until one was not snatched away. */
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
