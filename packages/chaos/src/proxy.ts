import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** The directions in which a proxy drops all bytes. It closes no connection. */
export interface Cut {
  readonly towardsServer?: boolean;
  readonly towardsClient?: boolean;
}

/** A TCP proxy that can drop bytes while the connections stay open, as a failed network link does. */
export class FaultyProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #cut: Cut = {};
  #accepted = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(targetPort: number): Promise<FaultyProxy> {
    const server = createServer();
    const proxy = new FaultyProxy(server);
    server.on("connection", (client) => proxy.#join(client, connect({ host: "127.0.0.1", port: targetPort })));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The number of connections accepted so far. A new one shows that the client gave up an old one. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Sets the directions for present and future connections. `{}` forwards everything. */
  cut(cut: Cut): void {
    this.#cut = cut;
  }

  /** Closes every connection, as a server does to a slow consumer. */
  closeAll(): void {
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.closeAll();
    await closed;
  }

  #join(client: Socket, server: Socket): void {
    this.#accepted++;
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    // No backpressure: few bytes are in transit on loopback.
    client.on("data", (bytes) => this.#cut.towardsServer || server.write(bytes));
    server.on("data", (bytes) => this.#cut.towardsClient || client.write(bytes));
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
  }
}
