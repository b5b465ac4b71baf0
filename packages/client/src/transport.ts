import { SUBPROTOCOL } from "@madang/protocol/browser";

/** Events of a transport, in this order: `open` at most once, `message` any number of times, `close` once. */
export interface TransportEvents {
  open(): void;
  message(text: string): void;
  /** @param code close code of RFC 6455; 1006 if the connection broke or never opened */
  close(code: number, reason: string): void;
}

/** One connection. */
export interface Transport {
  /** Sends a text frame, in the order of the calls. It has no effect unless the connection is open. */
  send(text: string): void;
  /** Ends the connection. No event follows, not even `close`. */
  close(): void;
}

/** Starts to connect. If it throws, the attempt failed. */
export type TransportFactory = (url: string, events: TransportEvents) => Transport;

const OPEN = 1;
const NORMAL_CLOSURE = 1000;
/** RFC 6455: the connection ended without a close frame. */
export const ABNORMAL_CLOSURE = 1006;

/** The platform's own WebSocket, in browsers and Node since 22. */
export const webSocketTransport: TransportFactory = (url, events) => {
  const socket = new WebSocket(url, SUBPROTOCOL);
  const forget = () => {
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
  };
  socket.onopen = () => {
    // From here on, each `error` is followed by a `close` that says more.
    socket.onerror = null;
    events.open();
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") events.message(data);
  };
  // Node 22 reports a connection that never opened with `error` only.
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
