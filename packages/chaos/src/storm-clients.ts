/** A process full of members, forked by the storm: each goes to one edge, and to another when that one dies. */
import { type DownFrame, parsePosition, SUBPROTOCOL } from "@madang/protocol";
import { WebSocket } from "ws";

/** From the storm. */
export interface StormOrder {
  readonly first: string;
  /** Where to go when the first edge is gone. */
  readonly others: readonly string[];
  readonly members: number;
  readonly rooms: readonly string[];
}

/** To the storm, each half second. */
export interface StormState {
  readonly joined: number;
  /** Came back to another edge and were brought to the head. */
  readonly resumed: number;
  readonly refused: number;
  /** The fewest and the most messages that a member of a room was told: equal to what was said there, or there is a gap. */
  readonly told: Readonly<Record<string, { readonly min: number; readonly max: number }>>;
  readonly outOfOrder: number;
}

/** As the SDK: full jitter on a base of 0.5 s that doubles. */
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 20_000;
/** While the crowd gathers: nobody measures that, and it is not the storm. */
const GATHER_AT_ONCE = 100;
const REPORT_MS = 500;

class StormMember {
  readonly room: string;
  epoch = "";
  seq = 0;
  received = 0;
  joined = false;
  resumed = false;
  refused = 0;
  outOfOrder = 0;
  #order: StormOrder;
  #attempts = 0;

  constructor(order: StormOrder, room: string) {
    this.#order = order;
    this.room = room;
  }

  connect(url: string, onJoined: () => void = () => {}): void {
    const ws = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false, handshakeTimeout: 20_000 });
    ws.on("open", () => {
      const after = this.joined ? { after: `${this.epoch}.${this.seq}` } : {};
      ws.send(JSON.stringify({ type: "hello", user: "storm", join: [{ room: this.room, ...after }] }));
    });
    ws.on("message", (data) => this.#receive(JSON.parse(String(data)) as DownFrame, url, onJoined));
    ws.on("error", () => {});
    ws.on("close", () => {
      const { others } = this.#order;
      const waitMs = Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.#attempts++);
      setTimeout(() => this.connect(others[Math.floor(Math.random() * others.length)]!), waitMs);
    });
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
    const told: Record<string, { min: number; max: number }> = {};
    for (const room of order.rooms) {
      const counts = members.filter((member) => member.room === room).map(({ received }) => received);
      told[room] = { min: Math.min(...counts), max: Math.max(...counts) };
    }
    const state: StormState = {
      joined: sum(({ joined }) => Number(joined)),
      resumed: sum(({ resumed }) => Number(resumed)),
      refused: sum(({ refused }) => refused),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      told,
    };
    process.send!(state);
  }, REPORT_MS);
}

process.on("message", (order) => run(order as StormOrder));
process.on("disconnect", () => process.exit(0));
