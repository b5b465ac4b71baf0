import type { ServerOptions, WebSocket } from "ws";

/** Leads from a socket to its connection, so that all connections share their listeners: closures cost 0.4 KB each. */
export const CONNECTION = Symbol("connection");

/** Less than the close handshake may take: the last answer has to get out as well. */
const LIMIT_MS = 1000;

/** What a connection does before a Close frame goes out; after it nothing may follow (RFC 6455, 5.5.1). */
export interface ClosingConnection {
  /** Writes all frames that are waiting. */
  flush(): void;
  /** Waits for pending answers, at most `limitMs`, and writes them; `undefined` when there is nothing to wait for. */
  answerAll(limitMs: number): Promise<void> | undefined;
}

interface Tied {
  readonly [CONNECTION]?: ClosingConnection;
}

/**
 * The library closes by itself where it cannot read on, and where the client closes. Frames that were read before that
 * are answered first. To a client that closes, only answers that are available by then are sent.
 * @param options of the server whose sockets are to close like this
 */
export function answerBeforeClosing(options: ServerOptions): void {
  options.WebSocket = class extends (options.WebSocket as typeof WebSocket) {
    override close(code?: number, reason?: string | Buffer): void {
      const connection = (this as Tied)[CONNECTION];
      if (!connection || this.readyState !== this.OPEN) return super.close(code, reason);
      // Only the library closes without a reason; with a code, where the client broke the protocol.
      const answers = code !== undefined && reason === undefined ? connection.answerAll(LIMIT_MS) : undefined;
      if (answers) return void answers.then(() => super.close(code, reason));
      connection.flush();
      super.close(code, reason);
    }
  };
}
