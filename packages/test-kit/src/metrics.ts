import type { Server } from "./http-client.ts";

/** The value of a metric without labels, as `/metrics` of the server shows it; NaN where it shows none. */
export async function figure(server: Server, name: string): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(metrics)?.[1]);
}
