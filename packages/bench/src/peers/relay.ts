import { join } from "node:path";
import { startProcess } from "@madang/local-stack";
import { type Peer, Processes, type System } from "./peer.ts";

async function start(): Promise<System> {
  const processes = new Processes();
  const entry = join(import.meta.dirname, "relay-server.ts");
  const server = await processes.add(startProcess({ name: "relay", entry, readyPath: "/" }));
  return {
    addresses: [`127.0.0.1:${server.port}`],
    processes: processes.started,
    stop: () => processes.stop(),
  };
}

/** The lower bound: the cost of the sockets alone in a Node process. */
export const relay: Peer = { name: "relay", title: "Sockets alone", wire: "plain", start };
