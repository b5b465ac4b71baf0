import { FRAME_MAX_BYTES, NONCE_MAX_LENGTH } from "@madang/protocol/browser";
import { MadangError } from "./errors.ts";

/** What `localStorage` offers of its own; anything of that shape serves. */
export interface OutboxStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Where a message was stored. */
export interface SendResult {
  readonly seq: number;
  readonly epoch: string;
  readonly nonce: string;
  /** It was stored already by an earlier try of the same send. */
  readonly duplicate: boolean;
}

/** A send that has no answer yet. */
export interface PendingSend {
  readonly nonce: string;
  readonly text: string;
  readonly replyTo?: number;
}

export interface Send extends PendingSend {
  readonly room: string;
  /** The frame as it goes out, each time the same. */
  readonly frame: string;
  readonly bytes: number;
  readonly answer: Answer;
}

/** As `Promise.withResolvers`, which browsers before 2024 and Node 20 lack. */
interface Answer {
  readonly promise: Promise<SendResult>;
  resolve(result: SendResult): void;
  reject(error: MadangError): void;
}

export interface OutboxOptions {
  readonly storage?: OutboxStorage | undefined;
  /** Whose sends these are: one stored outbox for each server and user. */
  readonly owner: readonly [url: string, user: string];
  readonly now: () => number;
  /** Default 1,000. */
  readonly maxSends?: number | undefined;
  /** Of frames, in UTF-8. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A stored send older than this is dropped: by then nobody expects it to appear in the room any more. */
const STORED_MAX_AGE_MS = 24 * 60 * 60_000;

/**
 * The sends that have no answer yet, per room in the order in which they were asked for. Bounded over all rooms.
 *
 * With a storage each send is an entry of its own, so that two tabs of one person do not overwrite each other. Both
 * may send what they find there: the nonce makes that harmless. A storage that is full or forbidden is not an error:
 * the outbox then lives in memory alone.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queues = new Map<string, Send[]>();
  readonly #prefix: string;
  #sends = 0;
  #bytes = 0;
  /** Order among stored sends, going on from those that were found. */
  #order = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#prefix = `madang:outbox:${JSON.stringify(options.owner)}:`;
    this.#restore();
  }

  /** Whether sends outlive this client. */
  get persistent(): boolean {
    return Boolean(this.#options.storage);
  }

  /** The room's sends as they are now, oldest first. */
  queue(room: string): readonly Send[] {
    return this.#queues.get(room) ?? [];
  }

  /** How many rooms something is kept of: those with a send that waits. */
  get rooms(): number {
    return this.#queues.size;
  }

  /** @throws MadangError `outbox_full`, `text_too_long`, `bad_frame`, for what a server could not even answer */
  add(room: string, text: string, options: { nonce?: string; replyTo?: number } = {}): Send {
    const send = newSend(room, text, options.nonce ?? randomNonce(), options.replyTo);
    this.#admit(send);
    const { nonce, replyTo } = send;
    const stored: StoredSend = { order: ++this.#order, at: this.#options.now(), room, text, nonce, replyTo };
    this.#try((storage) => storage.setItem(this.#key(send), JSON.stringify(stored)));
    return send;
  }

  /** Forgets a send, also in the storage. */
  remove(send: Send): void {
    const queue = this.#queues.get(send.room);
    const index = queue?.indexOf(send) ?? -1;
    if (!queue || index < 0) return;
    queue.splice(index, 1);
    if (queue.length === 0) this.#queues.delete(send.room);
    this.#sends--;
    this.#bytes -= send.bytes;
    this.#try((storage) => storage.removeItem(this.#key(send)));
  }

  /** Keeps a send whose answer was given up: who asks for it from now on waits for one that is still to come. */
  reopen(send: Send): void {
    const queue = this.#queues.get(send.room);
    const index = queue?.indexOf(send) ?? -1;
    if (queue && index >= 0) queue[index] = { ...send, answer: openAnswer() };
  }

  #admit(send: Send): void {
    const { maxSends = 1000, maxBytes = 1024 * 1024 } = this.#options;
    if (this.#sends + 1 > maxSends || this.#bytes + send.bytes > maxBytes) throw new MadangError("outbox_full");
    const queue = this.#queues.get(send.room);
    if (queue) queue.push(send);
    else this.#queues.set(send.room, [send]);
    this.#sends++;
    this.#bytes += send.bytes;
  }

  #restore(): void {
    this.#try((storage) => {
      const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i));
      const found: StoredSend[] = [];
      for (const key of keys) {
        if (!key?.startsWith(this.#prefix)) continue;
        const stored = parseStored(storage.getItem(key));
        if (stored && this.#options.now() - stored.at <= STORED_MAX_AGE_MS) found.push(stored);
        else storage.removeItem(key);
      }
      found.sort((a, b) => a.order - b.order || a.at - b.at);
      this.#order = found.at(-1)?.order ?? 0;
      for (const { room, text, nonce, replyTo } of found) this.#admit(newSend(room, text, nonce, replyTo));
    });
  }

  #key(send: Send): string {
    return `${this.#prefix}${send.room}/${send.nonce}`;
  }

  #try(use: (storage: OutboxStorage) => void): void {
    if (!this.#options.storage) return;
    try {
      use(this.#options.storage);
    } catch {
      // Full, forbidden, or holding what is not ours: memory serves on.
    }
  }
}

interface StoredSend {
  readonly order: number;
  readonly at: number;
  readonly room: string;
  readonly text: string;
  readonly nonce: string;
  readonly replyTo?: number | undefined;
}

function parseStored(value: string | null): StoredSend | undefined {
  try {
    const stored = JSON.parse(value ?? "") as StoredSend;
    newSend(stored.room, stored.text, stored.nonce, stored.replyTo);
    return Number.isFinite(stored.order) && Number.isFinite(stored.at) ? stored : undefined;
  } catch {
    return undefined;
  }
}

function newSend(room: string, text: string, nonce: string, replyTo: number | undefined): Send {
  const typesHold =
    typeof room === "string" &&
    typeof text === "string" &&
    typeof nonce === "string" &&
    nonce.length > 0 &&
    nonce.length <= NONCE_MAX_LENGTH &&
    (replyTo === undefined || (Number.isSafeInteger(replyTo) && replyTo > 0));
  if (!typesHold) throw new MadangError("bad_frame");
  const reply = replyTo === undefined ? {} : { replyTo };
  const frame = JSON.stringify({ type: "message", room, message: text, nonce, ...reply });
  const bytes = new TextEncoder().encode(frame).length;
  // Such a frame would cost the whole connection.
  if (bytes > FRAME_MAX_BYTES) throw new MadangError("text_too_long");
  return { room, text, nonce, ...reply, frame, bytes, answer: openAnswer() };
}

function openAnswer(): Answer {
  let ends!: Omit<Answer, "promise">;
  const promise = new Promise<SendResult>((resolve, reject) => {
    ends = { resolve, reject };
  });
  // Whoever does not wait for the answer hears of a failure by the room's "failed", not by a crash.
  promise.catch(() => {});
  return { promise, ...ends };
}

/** `randomUUID` is missing on pages without https. */
function randomNonce(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
