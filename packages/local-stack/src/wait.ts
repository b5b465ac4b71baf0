import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const POLL_INTERVAL_MS = 25;
const ATTEMPT_LIMIT_MS = 2000;

/** Repeats the attempt until it returns true. An attempt that throws counts as false. Rejects when aborted. */
export async function until(signal: AbortSignal, attempt: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await attempt().catch(() => false)) return;
    await delay(POLL_INTERVAL_MS, undefined, { signal });
  }
}

/** Whether a TCP server accepts connections there. With `greeting` its first bytes must begin with that text. */
export async function greets(host: string, port: number, greeting = ""): Promise<boolean> {
  const socket = connect({ host, port });
  socket.setTimeout(ATTEMPT_LIMIT_MS, () => socket.destroy(new Error("timed out")));
  try {
    await once(socket, "connect");
    if (!greeting) return true;
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return chunk.toString("latin1").startsWith(greeting);
  } finally {
    socket.destroy();
  }
}

/** Whether the URL answers 2xx now. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ATTEMPT_LIMIT_MS) });
  await response.body?.cancel();
  return response.ok;
}
