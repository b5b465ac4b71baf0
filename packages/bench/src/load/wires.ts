/** The protocol of each server: how a client enters its rooms, and how it publishes there. */

/** The client waits for `times` payloads (default 1) that contain `await`, then sends `send`. */
export interface Step {
  readonly await?: string;
  readonly times?: number;
  readonly send?: string;
}

export interface Client {
  readonly rooms: readonly string[];
  readonly user: string;
  /** Position to resume from, for servers that support that. */
  readonly after?: string | undefined;
}

export interface Wire {
  /** Path of the handshake. */
  path(client: Client): string;
  readonly subprotocol?: string;
  /** From the handshake to being in the rooms. */
  opening(client: Client): readonly Step[];
  publish(room: string, user: string, id: number, text: string): string;
  /** Heartbeats above those of WebSocket: the answer to a payload with that text. */
  readonly heartbeat?: readonly [asked: string, answer: string];
}

const plainMessage = (user: string, text: string) => `{"message":"${text}","user":"${user}"}`;

const plain: Wire = {
  path: ({ rooms }) => `/ws/chat/${rooms[0]}/`,
  opening: () => [],
  publish: (_room, user, _id, text) => plainMessage(user, text),
};

/** The full protocol: every message is acknowledged to its sender. */
const madang: Wire = {
  path: () => "/ws",
  subprotocol: "madang.v1",
  opening: ({ rooms, user, after }) => [
    {
      send: JSON.stringify({ type: "hello", user, join: rooms.map((room) => ({ room, ...(after ? { after } : {}) })) }),
    },
    { await: '"type":"caughtUp"', times: rooms.length },
  ],
  publish: (room, user, id, text) => `{"type":"message","room":"${room}","message":"${text}","nonce":"${user}-${id}"}`,
};

const socketio: Wire = {
  path: () => "/socket.io/?EIO=4&transport=websocket",
  opening: ({ rooms }) => [
    { await: "0{", send: "40" },
    { await: "40{", send: `421["join","${rooms[0]}"]` },
    { await: "431[" },
  ],
  publish: (_room, user, _id, text) => `42["message",${plainMessage(user, text)}]`,
  heartbeat: ["2", "3"],
};

const centrifugo: Wire = {
  path: () => "/connection/websocket",
  opening: ({ rooms }) => [
    { send: '{"id":1,"connect":{}}' },
    { await: '"id":1', send: `{"id":2,"subscribe":{"channel":"${rooms[0]}"}}` },
    { await: '"id":2' },
  ],
  publish: (room, user, id, text) =>
    `{"id":${id + 2},"publish":{"channel":"${room}","data":${plainMessage(user, text)}}}`,
  heartbeat: ["{}", "{}"],
};

export const WIRES = { madang, plain, socketio, centrifugo } as const;
export type WireName = keyof typeof WIRES;
