import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { CLOSE, clientFrame, FrameReader, PING, PONG } from "./frames.ts";
import { type Mark, MarkScanner, markedText, nowUs } from "./marks.ts";
import { COUNTER, type LoadPlan, PHASE, type Tally } from "./shared.ts";
import { type Step, WIRES, type Wire } from "./wires.ts";

/** One address offers about 28,000 ports for outgoing connections. Loopback has many addresses. */
const CONNECTIONS_PER_SOURCE = 20_000;
const OPEN_LIMIT_MS = 30_000;
const END_OF_HEADERS = "\r\n\r\n";

/** State that the connections of a thread share. */
export interface Thread {
  readonly plan: LoadPlan;
  readonly tally: Tally;
  readonly phase: Int32Array;
  readonly sent: Int32Array;
  /** All sockets of the thread read into this buffer. Each chunk is processed before the next read. */
  readonly readBuffer: Buffer;
}

/** One client. */
export class LoadConnection {
  readonly group: number;
  readonly publishes: boolean;
  /** A hash of the order of the received messages. */
  order = 0;
  received = 0;
  /** For each publisher of the group: the last id seen or, with several rooms, the number of messages seen. */
  readonly seen: Int32Array;
  readonly #thread: Thread;
  readonly #wire: Wire;
  readonly #index: number;
  readonly #member: number;
  readonly #user: string;
  readonly #rooms: readonly string[];
  readonly #steps: readonly Step[];
  readonly #scanner: MarkScanner;
  readonly #reader: FrameReader;
  readonly #onMark: (mark: Mark) => void;
  #socket: Socket | undefined;
  #headers: string | undefined = "";
  #step = 0;
  #held = 0;
  #openedAtUs = 0;
  #settle: ((problem?: string) => void) | undefined;
  #arrivedUs = 0;
  #own = 0;
  #closing = false;

  constructor(thread: Thread, index: number) {
    const { plan } = thread;
    this.#thread = thread;
    this.#index = index;
    this.#wire = WIRES[plan.wire];
    this.group = Math.floor(index / plan.members);
    this.#member = index % plan.members;
    this.#user = `u${this.#member}`;
    this.publishes = this.#member < plan.publishers;
    this.seen = new Int32Array(plan.publishers);
    this.#rooms = Array.from(
      { length: plan.roomsPerGroup },
      (_, i) => `${plan.roomPrefix}${this.group * plan.roomsPerGroup + i}`,
    );
    this.#steps = this.#wire.opening({ rooms: this.#rooms, user: this.#user, after: plan.after });
    this.#scanner = new MarkScanner(plan.size);
    this.#reader = new FrameReader((...frame) => this.#onFrame(...frame));
    this.#onMark = (mark) => this.#count(mark);
  }

  /** Resolves when the client is in its rooms, or with the problem that prevented it. */
  open(): Promise<string | undefined> {
    const { plan, readBuffer } = this.#thread;
    const [host, port] = plan.addresses[this.#index % plan.addresses.length]!.split(":") as [string, string];
    this.#openedAtUs = nowUs();
    return new Promise((resolve) => {
      const limit = setTimeout(() => this.#settle?.("no answer while opening"), OPEN_LIMIT_MS);
      this.#settle = (problem) => {
        clearTimeout(limit);
        this.#settle = undefined;
        if (problem) this.close();
        resolve(problem);
      };
      const onread = {
        buffer: readBuffer,
        callback: (length: number, buffer: Uint8Array) => {
          this.#onBytes((buffer as Buffer).subarray(0, length));
          return true;
        },
      };
      const localAddress = `127.0.0.${1 + Math.floor(this.#index / CONNECTIONS_PER_SOURCE)}`;
      this.#socket = connect({ host, port: Number(port), localAddress, noDelay: true, onread }, () => {
        this.#socket!.write(this.#handshake(`${host}:${port}`));
      });
      this.#socket.on("error", (error) => this.#lost(error.message));
      this.#socket.on("close", () => this.#lost("the server closed the connection"));
    });
  }

  /** Publishes the next message. @param sentUs the start of its latency */
  publish(sentUs: number = nowUs()): void {
    const { plan, sent, tally } = this.#thread;
    const place = this.group * plan.publishers + this.#member;
    const id = ++sent[place]!;
    const room = this.#rooms[id % this.#rooms.length]!;
    const text = markedText({ publisher: this.#member, id, sentUs }, plan.size);
    tally.counters[COUNTER.published]!++;
    this.#socket!.write(clientFrame(this.#wire.publish(room, this.#user, id, text)));
  }

  close(): void {
    this.#closing = true;
    this.#socket?.destroy();
  }

  #handshake(host: string): string {
    const { subprotocol } = this.#wire;
    return [
      `GET ${this.#wire.path({ rooms: this.#rooms, user: this.#user })} HTTP/1.1`,
      `Host: ${host}`,
      `Origin: http://${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      ...(subprotocol ? [`Sec-WebSocket-Protocol: ${subprotocol}`] : []),
      END_OF_HEADERS.slice(2),
    ].join("\r\n");
  }

  #onBytes(bytes: Buffer): void {
    this.#arrivedUs = nowUs();
    if (this.#headers === undefined) return this.#reader.push(bytes);
    this.#headers += bytes.toString("latin1");
    const end = this.#headers.indexOf(END_OF_HEADERS);
    if (end < 0) return;
    if (!/^HTTP\/1\.1 101 /.test(this.#headers)) return this.#lost(this.#headers.split("\r\n")[0]!);
    const rest = Buffer.from(this.#headers.slice(end + END_OF_HEADERS.length), "latin1");
    this.#headers = undefined;
    this.#advance();
    this.#reader.push(rest);
  }

  #onFrame(opcode: number, buffer: Buffer, start: number, end: number): void {
    if (opcode === PING) return void this.#socket!.write(clientFrame(buffer.subarray(start, end), PONG));
    if (opcode === CLOSE) return this.#lost(`closed with ${buffer.readUInt16BE(start)}`);
    const { heartbeat } = this.#wire;
    if (heartbeat && end - start === heartbeat[0].length && buffer.toString("latin1", start, end) === heartbeat[0]) {
      return void this.#socket!.write(clientFrame(heartbeat[1]));
    }
    this.#own = 0;
    this.#scanner.scan(buffer, start, end, this.#onMark);
    if (this.#step < this.#steps.length) this.#await(buffer.subarray(start, end));
    const { plan, phase } = this.#thread;
    const isPublishing = phase[0] === PHASE.warmUp || phase[0] === PHASE.measuring;
    if (this.#own === 0 || plan.rate > 0 || !isPublishing) return;
    for (let i = 0; i < this.#own; i++) this.publish();
  }

  #count(mark: Mark): void {
    const { plan, tally, phase } = this.#thread;
    const { counters } = tally;
    counters[COUNTER.delivered]!++;
    this.received++;
    if (plan.roomsPerGroup > 1) this.seen[mark.publisher]!++;
    else {
      this.order = (Math.imul(this.order, 31) + Math.imul(mark.publisher, 7919) + mark.id) | 0;
      if (mark.id > this.seen[mark.publisher]!) this.seen[mark.publisher] = mark.id;
      else counters[COUNTER.twice]!++;
    }
    if (phase[0] === PHASE.measuring) tally.latency.record(this.#arrivedUs - mark.sentUs);
    if (this.publishes && mark.publisher === this.#member) this.#own++;
  }

  #await(payload: Buffer): void {
    const { await: awaited, times = 1 } = this.#steps[this.#step]!;
    if (awaited && !payload.includes(awaited)) return;
    if (++this.#held < times) return;
    this.#step++;
    this.#held = 0;
    this.#say(this.#steps[this.#step - 1]!);
    this.#advance();
  }

  /** Runs the steps that await nothing. After the last step the client is open. */
  #advance(): void {
    for (let step = this.#steps[this.#step]; step && !step.await; step = this.#steps[this.#step]) {
      this.#step++;
      this.#say(step);
    }
    if (this.#step < this.#steps.length) return;
    this.#thread.tally.opening.record(nowUs() - this.#openedAtUs);
    this.#settle?.();
  }

  #say({ send }: Step): void {
    if (send) this.#socket!.write(clientFrame(send));
  }

  #lost(problem: string): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#settle) this.#settle(problem);
    else this.#thread.tally.counters[COUNTER.errors]!++;
    this.#socket?.destroy();
  }
}
