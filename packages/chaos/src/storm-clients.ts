/** A process with many members, which the storm forks. Each connects to one edge, and to another when that one dies. */
import { connect, type Socket } from "node:net";
import { CLOSE, clientFrame, FrameReader, PING, PONG, TEXT } from "@madang/bench/frames";
import { type DownFrame, parsePosition, SUBPROTOCOL } from "@madang/protocol";

/** The message from the storm. */
export interface StormOrder {
  readonly first: string;
  /** Edges to use when the first one is down. */
  readonly others: readonly string[];
  readonly members: number;
  readonly rooms: readonly string[];
}

/** The message to the storm, every 500 ms. */
export interface StormState {
  readonly joined: number;
  /** Members that resumed on another edge and reached the head. */
  readonly resumed: number;
  readonly refused: number;
  /** The fewest and the most messages that a member of each room received. A gap shows as a lower number. */
  readonly received: Readonly<Record<string, { readonly min: number; readonly max: number }>>;
  readonly outOfOrder: number;
}

/** The backoff of the SDK: full jitter on a base of 0.5 s that doubles. */
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 20_000;
const HANDSHAKE_LIMIT_MS = 20_000;
/** Limits the handshakes before the storm, which are not measured. */
const GATHER_AT_ONCE = 100;
const REPORT_MS = 500;

/** Any 16 bytes: the answer to them is not checked. */
const KEY = Buffer.alloc(16).toString("base64");

class StormMember {
  readonly room: string;
  epoch = "";
  seq = 0;
  received = 0;
  joined = false;
  resumed = false;
  refused = 0;
  outOfOrder = 0;
  readonly #order: StormOrder;
  #attempts = 0;

  constructor(order: StormOrder, room: string) {
    this.#order = order;
    this.room = room;
  }

  /** Uses a bare socket, which leaves more processor time to the servers on this machine. */
  connect(url: string, onJoined: () => void = () => {}): void {
    const { hostname, port, pathname, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    socket.setTimeout(HANDSHAKE_LIMIT_MS, () => socket.destroy());
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`,
    );
    const frames = new FrameReader((opcode, buffer, start, end) => {
      if (opcode === TEXT) this.#receive(JSON.parse(buffer.toString("utf8", start, end)) as DownFrame, url, onJoined);
      else if (opcode === PING) socket.write(clientFrame(buffer.subarray(start, end), PONG));
      else if (opcode === CLOSE) socket.end();
    });
    let answer = "";
    const onAnswer = (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      const end = answer.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!answer.startsWith("HTTP/1.1 101 ")) return socket.destroy();
      socket.setTimeout(0);
      socket.off("data", onAnswer);
      socket.on("data", (data) => frames.push(data as Buffer));
      this.#greet(socket);
      frames.push(Buffer.from(answer.slice(end + 4), "latin1"));
    };
    socket.on("data", onAnswer as (data: Buffer | string) => void);
    socket.on("error", () => {});
    socket.on("close", () => {
      const { others } = this.#order;
      const waitMs = Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.#attempts++);
      setTimeout(() => this.connect(others[Math.floor(Math.random() * others.length)]!), waitMs);
    });
  }

  #greet(socket: Socket): void {
    const after = this.joined ? { after: `${this.epoch}.${this.seq}` } : {};
    socket.write(clientFrame(JSON.stringify({ type: "hello", user: "storm", join: [{ room: this.room, ...after }] })));
  }

  #receive(frame: DownFrame, url: string, onJoined: () => void): void {
    if (frame.type === "message") {
      if (frame.seq <= this.seq) this.outOfOrder++;
      this.seq = frame.seq;
      this.received++;
    } else if (frame.type === "joined") {
      if (this.joined && !frame.recovered) this.refused++;
      if (!this.joined) this.seq = parsePosition(frame.position)!.seq;
      this.epoch = frame.epoch;
    } else if (frame.type === "caughtUp") {
      this.joined = true;
      this.#attempts = 0;
      if (url !== this.#order.first) this.resumed = true;
      onJoined();
    }
  }
}

function run(order: StormOrder): void {
  const members = Array.from(
    { length: order.members },
    (_, i) => new StormMember(order, order.rooms[i % order.rooms.length]!),
  );
  let next = 0;
  const connectNext = () => members[next++]?.connect(order.first, connectNext);
  for (let i = 0; i < GATHER_AT_ONCE; i++) connectNext();
  const sum = (value: (member: StormMember) => number) => members.reduce((total, member) => total + value(member), 0);
  setInterval(() => {
    const received: Record<string, { min: number; max: number }> = {};
    for (const room of order.rooms) {
      const counts = members.filter((member) => member.room === room).map(({ received }) => received);
      received[room] = { min: Math.min(...counts), max: Math.max(...counts) };
    }
    const state: StormState = {
      joined: sum(({ joined }) => Number(joined)),
      resumed: sum(({ resumed }) => Number(resumed)),
      refused: sum(({ refused }) => refused),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      received,
    };
    process.send!(state);
  }, REPORT_MS);
}

process.on("message", (order) => run(order as StormOrder));
process.on("disconnect", () => process.exit(0));
