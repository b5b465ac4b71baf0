import type { ServerOptions, WebSocket } from "ws";

/** Leads from a socket to its connection, so that all connections share their handlers: as closures they cost each 0.4 KB. */
export const CONNECTION = Symbol("connection");

/** Less than the closing may take: the last answer is to get out as well. */
const LIMIT_MS = 1000;

/** What a connection does before a close frame goes out: behind that nothing may (RFC 6455, 5.5.1). */
export interface Speaker {
  /** Writes what is there to be said. */
  flush(): void;
  /** Has what the client is owed come in, for so long at most, and writes it; `undefined` when nothing is to be waited for. */
  answerAll(limitMs: number): Promise<void> | undefined;
}

interface Tied {
  readonly [CONNECTION]?: Speaker;
}

/**
 * The library closes by itself where it cannot read on, and where the client closes. What came before that was read as
 * well as any other frame, and has its answer first: from a client that closes, as far as there is one by now.
 * @param options of the server whose sockets are to be so
 */
export function answerBeforeClosing(options: ServerOptions): void {
  options.WebSocket = class extends (options.WebSocket as typeof WebSocket) {
    override close(code?: number, reason?: string | Buffer): void {
      const speaker = (this as Tied)[CONNECTION];
      if (!speaker || this.readyState !== this.OPEN) return super.close(code, reason);
      // Without a reason closes the library alone, and with a code where something is wrong.
      const answers = code !== undefined && reason === undefined ? speaker.answerAll(LIMIT_MS) : undefined;
      if (answers) return void answers.then(() => super.close(code, reason));
      speaker.flush();
      super.close(code, reason);
    }
  };
}
