import { SUBPROTOCOL } from "@madang/protocol/browser";

/** What a transport tells. In order: `open` at most once, `message` any number of times, `close` once at the end. */
export interface TransportEvents {
  open(): void;
  message(text: string): void;
  /** The close code of RFC 6455; 1006 where the connection broke or never came to be. */
  close(code: number, reason: string): void;
}

/** One connection. */
export interface Transport {
  /** Text frames go out in the order of the calls. Without effect when the connection is not open. */
  send(text: string): void;
  /** Ends the connection. Nothing is told any more afterwards, not even `close`. */
  close(): void;
}

/** Begins to connect. May throw, which counts as a connection that failed. */
export type TransportFactory = (url: string, events: TransportEvents) => Transport;

const OPEN = 1;
const NORMAL_CLOSURE = 1000;
/** RFC 6455: no close frame was received. */
export const ABNORMAL_CLOSURE = 1006;

/** The platform's own WebSocket: browsers, and Node since 22. */
export const webSocketTransport: TransportFactory = (url, events) => {
  const socket = new WebSocket(url, SUBPROTOCOL);
  const forget = () => {
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
  };
  socket.onopen = () => {
    // From now on `error` says nothing that the `close` after it does not.
    socket.onerror = null;
    events.open();
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") events.message(data);
  };
  // Node 22 tells of a connection that never came to be by this alone.
  socket.onerror = () => {
    forget();
    events.close(ABNORMAL_CLOSURE, "");
  };
  socket.onclose = ({ code, reason }) => events.close(code, reason);
  return {
    send(text) {
      if (socket.readyState === OPEN) socket.send(text);
    },
    close() {
      forget();
      socket.close(NORMAL_CLOSURE);
    },
  };
};
