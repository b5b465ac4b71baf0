import { setTimeout as delay } from "node:timers/promises";
import { PlainClient } from "./plain-client.ts";
import { Random } from "./random.ts";
import { RawClient } from "./raw-client.ts";
import { SdkClient } from "./sdk-client.ts";
import { type Acked, Sender } from "./sender.ts";
import type { View } from "./view.ts";
import type { World } from "./world.ts";

export interface CrowdOptions {
  readonly rooms?: number;
  /** Every client is a member of all rooms. */
  readonly sdkClients?: number;
  readonly rawClients?: number;
  /** Mean time between two messages of one sender. */
  readonly everyMs?: number;
}

const JOIN_LIMIT_MS = 30_000;
const SETTLE_LIMIT_MS = 120_000;
const POLL_MS = 50;

/** The clients of a trial: members over the SDK, over bare WebSockets, and one over the tutorial's protocol. */
export class Crowd {
  readonly rooms: readonly string[];
  readonly senders: Sender[];
  readonly sdk: readonly SdkClient[];
  readonly raw: RawClient[];
  readonly plain: PlainClient;
  readonly #everyMs: number;

  private constructor(
    rooms: readonly string[],
    senders: Sender[],
    sdk: readonly SdkClient[],
    raw: RawClient[],
    plain: PlainClient,
    everyMs: number,
  ) {
    this.rooms = rooms;
    this.senders = senders;
    this.sdk = sdk;
    this.raw = raw;
    this.plain = plain;
    this.#everyMs = everyMs;
  }

  /** Connects the clients. Resolves when each is a member of all rooms. */
  static async gather(world: World, seed: number, options: CrowdOptions = {}): Promise<Crowd> {
    const rooms = ["yard", "사랑방", "tea & talk", "well"].slice(0, options.rooms ?? 3);
    const dial = (path?: string) => world.dial(path);
    const sdk = named("sdk", options.sdkClients ?? 5).map((user) => new SdkClient(user, rooms, dial));
    const raw = named("raw", options.rawClients ?? 4).map((user) => new RawClient(user, rooms, dial));
    const clients = [...sdk, ...raw];
    const senders = clients.map((client) => senderOf(client, rooms, seed));
    if (!(await within(JOIN_LIMIT_MS, () => clients.every(hasJoined))))
      throw new Error("The members could not join their rooms.");
    const [view] = sdk[0]!.views;
    const { epoch, after } = view!.segments[0]!;
    const plain = new PlainClient("plain-1", rooms[0]!, { epoch, position: `${epoch}.${after}` }, dial);
    return new Crowd(rooms, senders, sdk, raw, plain, options.everyMs ?? 100);
  }

  /** Adds a member on the given edge. It sends only when `say` is called. */
  async add(user: string, edgeUrl: string): Promise<Sender> {
    const client = new RawClient(user, this.rooms, () => `${edgeUrl.replace("http:", "ws:")}/ws`);
    const sender = senderOf(client, this.rooms, 0);
    this.raw.push(client);
    this.senders.push(sender);
    if (!(await within(JOIN_LIMIT_MS, () => hasJoined(client)))) throw new Error(`${user} could not join its rooms.`);
    return sender;
  }

  get views(): View[] {
    return [...this.sdk, ...this.raw, this.plain].flatMap(({ views }) => views);
  }

  get acked(): Acked[] {
    return this.senders.flatMap(({ acked }) => acked);
  }

  get failed(): string[] {
    return this.senders.flatMap(({ failed }) => failed);
  }

  get pending(): number {
    return this.senders.reduce((sum, { pending }) => sum + pending, 0);
  }

  get answeredTwice(): number {
    return [...this.sdk, ...this.raw].reduce((sum, { tally }) => sum + tally.answeredTwice, 0);
  }

  /** The number of sends refused with this code, or with any code. */
  refusals(code?: string): number {
    let sum = 0;
    for (const { tally } of [...this.sdk, ...this.raw]) {
      for (const [each, count] of tally.refusals) if (code === undefined || each === code) sum += count;
    }
    return sum;
  }

  startTalking(everyMs = this.#everyMs): void {
    for (const view of this.views) view.startWatch();
    for (const sender of this.senders) sender.start(everyMs);
  }

  /** @returns the longest time in ms in which a member received nothing: over all clients, and over those without the SDK */
  async stopTalking(): Promise<{ all: number; bare: number }> {
    const longest = (clients: readonly { readonly views: readonly View[] }[]) =>
      Math.max(...clients.flatMap(({ views }) => views.map((view) => view.stopWatch())));
    const [sdk, bare] = [longest(this.sdk), longest([...this.raw, this.plain])];
    await Promise.all(this.senders.map((sender) => sender.stop()));
    return { all: Math.max(sdk, bare), bare };
  }

  /** Resolves with true when every send is answered, and with false after 2 minutes. */
  settled(): Promise<boolean> {
    return within(SETTLE_LIMIT_MS, () => this.pending === 0);
  }

  close(): void {
    for (const client of [...this.sdk, ...this.raw, this.plain]) client.close();
  }
}

/** Waits for the condition. @returns false if it is not true in time */
export async function within(limitMs: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function senderOf(client: SdkClient | RawClient, rooms: readonly string[], seed: number): Sender {
  return new Sender(client.user, rooms, new Random(seed, client.user), (...message) => client.send(...message));
}

function hasJoined({ views }: SdkClient | RawClient): boolean {
  return views.every(({ segments }) => segments.length > 0);
}

function named(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
}
