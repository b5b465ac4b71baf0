import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Scope } from "./scope.ts";

/** An HTTP server in the place of a real one. */
export interface StandIn {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  /** The requests in order of arrival, such as "GET /v1/rooms". */
  readonly asked: string[];
  /** Ends its connections, and refuses new ones. */
  stop(): void;
}

/** Starts an HTTP server with the listener, on a free port of loopback unless `at` says otherwise. */
export async function standIn(
  t: Scope,
  listener: RequestListener,
  at: { readonly host?: string; readonly port?: number } = {},
): Promise<StandIn> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    listener(request, response);
  }).listen(at.port ?? 0, at.host ?? "127.0.0.1");
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  t.teardown(stop);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, server, asked, stop };
}
