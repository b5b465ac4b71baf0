import t from "tap";
import { webSocketTransport } from "../src/index.ts";

t.test(
  "a connection that never opened emits one close, also if only an error event reports it (Node 22)",
  async (t) => {
    const { WebSocket } = globalThis;
    t.teardown(() => Object.assign(globalThis, { WebSocket }));
    const sockets: Record<string, ((event: object) => void) | null>[] = [];
    Object.assign(globalThis, {
      WebSocket: class {
        readyState = 0;
        constructor() {
          sockets.push(this as never);
        }
        close() {}
      },
    });
    const told: unknown[][] = [];
    const connect = () => {
      webSocketTransport("ws://a/ws", {
        open: () => told.push(["open"]),
        message: (text) => told.push(["message", text]),
        close: (...how) => told.push(["close", ...how]),
      });
      return sockets.at(-1)!;
    };
    const failed = connect();
    failed["onerror"]?.({});
    t.same(told, [["close", 1006, ""]]);
    failed["onclose"]?.({ code: 1006, reason: "" });
    t.same(told.splice(0), [["close", 1006, ""]]);

    const broken = connect();
    broken["onopen"]?.({});
    broken["onerror"]?.({});
    broken["onclose"]?.({ code: 1012, reason: "drain" });
    t.same(told.splice(0), [["open"], ["close", 1012, "drain"]], "an open connection reports its close code");
  },
);
