/**
 * F3 under faults: with any failures of connections, answers and time, the server stores each send once, in the order of
 * the calls, and each promise settles once.
 *
 * The fake server keeps the order that the protocol requires. It handles the frames of one connection in turn. After a
 * send that it could not store, it stores nothing new of that sender in that room until that send is repeated. It keeps
 * every nonce. Connections behave like TCP: a prefix of the sent bytes arrives.
 */
import type { DownFrame, EventFrame, UpFrame } from "@madang/protocol/browser";
import fc from "fast-check";
import t from "tap";
import { FakeClock, FakeSocket, setup } from "./fakes.ts";

type MessageFrame = Extract<UpFrame, { type: "message" }>;

const ROOMS = ["방", "b"];

const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "none" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "refuse" as const }) },
  // "Whether the message was stored is not known."
  { weight: 1, arbitrary: fc.constant({ kind: "store and refuse" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "store and say nothing" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("hang" as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop" as const), readsOn: fc.boolean() }) },
);
type Fault = typeof fault extends fc.Arbitrary<infer F> ? F : never;

/** One log behind any number of connections. Each handled frame consumes one fault; without faults all succeeds. */
class Server {
  readonly log: EventFrame[] = [];
  readonly #clock: FakeClock;
  readonly #faults: Fault[];
  readonly #latencyMs: number;

  constructor(clock: FakeClock, faults: Fault[], latencyMs: number) {
    this.#clock = clock;
    this.#faults = [...faults];
    this.#latencyMs = latencyMs;
  }

  connect(socket: FakeSocket): void {
    const inbox: UpFrame[] = [];
    const joined = new Set<string>();
    const blocked = new Map<string, string>();
    let busy = false;
    let told = this.log.length;
    let up = true;
    const down = (...frames: DownFrame[]) => {
      this.#clock.after(this.#latencyMs, () => {
        if (up && !socket.closed) socket.receive(...frames);
      });
    };
    const live = () => {
      for (const event of this.log.slice(told)) if (joined.has(event.room)) down(event);
      told = this.log.length;
    };
    const refuse = ({ room, nonce }: MessageFrame, code: "log_unavailable" | "text_too_long") => {
      const temporary = code === "log_unavailable";
      down({ type: "error", user: "system", code, message: "", temporary, room, nonce });
    };
    const message = (frame: MessageFrame, kind: Fault["kind"]) => {
      const { room, nonce } = frame;
      if (frame.message === "bad") return refuse(frame, "text_too_long");
      const passes = kind !== "refuse" && (blocked.get(room) ?? nonce) === nonce;
      if (!passes && !this.#find(frame)) {
        if (!blocked.has(room)) blocked.set(room, nonce);
        return refuse(frame, "log_unavailable");
      }
      if (blocked.get(room) === nonce) blocked.delete(room);
      const { seq, duplicate } = this.#store(frame);
      if (kind === "refuse" || kind === "store and refuse") refuse(frame, "log_unavailable");
      else if (kind !== "store and say nothing") down({ type: "ack", room, nonce, seq, epoch: "e1", duplicate });
    };
    const join = ({ room, after }: { room: string; after?: string }) => {
      const head = this.#head(room);
      const from = after === undefined ? head : Number(after.split(".")[1]);
      down({ type: "joined", room, epoch: "e1", position: `e1.${head}`, recovered: true });
      down(...this.log.filter((event) => event.room === room && event.seq > from));
      down({ type: "caughtUp", room, position: `e1.${head}` });
      joined.add(room);
    };
    const handle = () => {
      const frame = inbox.shift();
      if (!frame) return;
      live();
      if (frame.type === "hello") {
        const limits = { rooms: 128, text: 4000, frame: 65536 };
        down({ type: "welcome", connection: "c", user: "민수", ping: 25, limits });
        for (const each of frame.join ?? []) join(each);
      } else if (frame.type === "leave") {
        down({ type: "left", room: frame.room });
      } else if (frame.type === "message") {
        const next = this.#faults.shift() ?? { kind: "none" };
        if (next.kind === "hang") {
          busy = true;
          this.#clock.after(next.ms, () => {
            busy = false;
            pump();
          });
        } else if (next.kind === "drop") {
          up = false;
          if (!next.readsOn) inbox.length = 0;
          this.#clock.after(0, () => socket.drop());
        }
        message(frame, next.kind);
      }
      live();
    };
    const pump = () => {
      while (inbox.length > 0 && !busy) handle();
    };
    socket.onSend = (frame) => {
      this.#clock.after(this.#latencyMs, () => {
        if (!up) return;
        inbox.push(frame);
        pump();
      });
    };
    this.#clock.after(this.#latencyMs, () => {
      if (!socket.closed) socket.open();
    });
  }

  #find({ room, nonce }: MessageFrame): EventFrame | undefined {
    return this.log.find((event) => event.room === room && "nonce" in event && event.nonce === nonce);
  }

  #store(frame: MessageFrame): { seq: number; duplicate: boolean } {
    const { room, message, nonce } = frame;
    const known = this.#find(frame);
    if (known) return { seq: known.seq, duplicate: true };
    const seq = this.log.length + 1;
    this.log.push({ epoch: "e1", seq, type: "message", room, user: "민수", message, at: "", nonce });
    return { seq, duplicate: false };
  }

  #head(room: string): number {
    return this.log.findLast((event) => event.room === room)?.seq ?? 0;
  }
}

t.test(
  "F3: each send is stored once and in order, each promise settles once, each event is emitted once",
  async (t) => {
    const run = fc.asyncProperty(
      fc.array(fault, { maxLength: 60, size: "max" }),
      fc.array(fc.record({ room: fc.nat(1), pauseMs: fc.integer({ min: 0, max: 3000 }), bad: fc.nat(9) }), {
        minLength: 1,
        maxLength: 60,
        size: "max",
      }),
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom(0.1, 0.5, 1),
      async (faults, sends, latencyMs, random) => {
        const clock = new FakeClock();
        const server = new Server(clock, faults, latencyMs);
        const { client } = setup({
          clock,
          random: () => random,
          transport: (url, events) => {
            const socket = new FakeSocket(url, events);
            server.connect(socket);
            return socket;
          },
        });
        const told: EventFrame[] = [];
        const rooms = ROOMS.map((name) => client.join(name, { after: "e1.0" }));
        for (const room of rooms) room.on("event", (event) => told.push(event));
        client.connect();

        const settled = new Map<number, string[]>();
        const note = (i: number, outcome: string) => settled.set(i, [...(settled.get(i) ?? []), outcome]);
        for (const [i, { room, pauseMs, bad }] of sends.entries()) {
          clock.advance(pauseMs);
          rooms[room]!.send(bad === 0 ? "bad" : `${i}`).then(
            ({ seq }) => note(i, `stored ${seq}`),
            ({ code }) => note(i, code),
          );
        }
        for (let minutes = 0; minutes < 240 && rooms.some((room) => room.pending.length > 0); minutes++) {
          clock.advance(60_000);
        }
        clock.advance(60_000);
        await new Promise(setImmediate);
        client.close();

        for (const [index, name] of ROOMS.entries()) {
          const asked = sends.flatMap(({ room, bad }, i) => (room === index && bad !== 0 ? [`${i}`] : []));
          const stored = server.log.filter((event) => event.room === name);
          const texts = (events: EventFrame[]) =>
            events.map((event) => (event.type === "message" ? event.message : ""));
          equal(texts(stored), asked, `stored in ${name}`);
          equal(texts(told.filter((event) => event.room === name)), asked, `told of ${name}`);
        }
        const outcomes = sends.map(({ room, bad }, i) => {
          const event = server.log.find(
            (each) => each.room === ROOMS[room] && "message" in each && each.message === `${i}`,
          );
          return [bad === 0 ? "text_too_long" : `stored ${event?.seq}`];
        });
        equal(
          sends.map((_, i) => settled.get(i)),
          outcomes,
          "promises",
        );
      },
    );
    await fc.assert(run, { numRuns: 500, endOnFailure: true });
    t.pass("300 schedules");
  },
);

/** Cheaper than tap's comparison, which would record an assertion for each run. */
function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [actual, expected].map((each) => JSON.stringify(each));
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}
