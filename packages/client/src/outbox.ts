import { FRAME_MAX_BYTES, NONCE_MAX_LENGTH } from "@madang/protocol/browser";
import { MadangError } from "./errors.ts";

/** The part of the `Storage` interface that the SDK needs. `localStorage` has it. */
export interface OutboxStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The result of a send: the message is stored. */
export interface SendResult {
  /** Sequence of the message in the log. `"<epoch>.<seq>"` is its position. */
  readonly seq: number;
  readonly epoch: string;
  readonly nonce: string;
  /** Whether an earlier attempt of the same send stored the message. */
  readonly duplicate: boolean;
}

/** A send without an acknowledgement. */
export interface PendingSend {
  readonly nonce: string;
  readonly text: string;
  /** `seq` of the message that this one answers. */
  readonly replyTo?: number;
}

export interface Send extends PendingSend {
  readonly room: string;
  /** The encoded frame. Every attempt sends the same one. */
  readonly frame: string;
  /** Length of the frame in UTF-8. */
  readonly bytes: number;
  readonly answer: Answer;
}

/** Like the result of `Promise.withResolvers`, which browsers before 2024 lack. */
interface Answer {
  readonly promise: Promise<SendResult>;
  resolve(result: SendResult): void;
  reject(error: MadangError): void;
}

export interface OutboxOptions {
  readonly storage?: OutboxStorage | undefined;
  /** Key of the stored sends: each server and user has its own. */
  readonly owner: readonly [url: string, user: string];
  readonly now: () => number;
  /** Default: 1,000. */
  readonly maxSends?: number | undefined;
  /** Bytes of all frames, in UTF-8. Default: 1 MiB. */
  readonly maxBytes?: number | undefined;
}

/** The outbox does not send entries of the storage that are older than this: a message this late would surprise its author. */
const STORED_MAX_AGE_MS = 24 * 60 * 60_000;

/**
 * The sends without an acknowledgement, for each room in the order of the calls. The bounds apply to all rooms together.
 *
 * In a storage, each send is an entry of its own, so two tabs of one user do not overwrite each other. Both tabs may send
 * the entries that they find; the nonce makes the repeat harmless. If the storage is full or forbidden, the outbox works
 * in memory only.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queues = new Map<string, Send[]>();
  readonly #prefix: string;
  /** Entries of the storage that are too old to send. They stay there until the room has reported them. */
  readonly #expired: Send[] = [];
  #sends = 0;
  #bytes = 0;
  /** Order of the latest stored send. */
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

  /** The room's pending sends, oldest first. */
  queue(room: string): readonly Send[] {
    return this.#queues.get(room) ?? [];
  }

  /** Number of rooms with pending sends. */
  get rooms(): number {
    return this.#queues.size;
  }

  /** @throws MadangError `outbox_full`; `text_too_long` and `bad_frame` for a frame that the server could not answer */
  add(room: string, text: string, options: { nonce?: string; replyTo?: number } = {}): Send {
    const send = newSend(room, text, options.nonce ?? randomNonce(), options.replyTo);
    this.#admit(send);
    const { nonce, replyTo } = send;
    const stored: StoredSend = { order: ++this.#order, at: this.#options.now(), room, text, nonce, replyTo };
    this.#try((storage) => storage.setItem(this.#key(send), JSON.stringify(stored)));
    return send;
  }

  /** Removes the room's expired sends from the storage and returns them. */
  takeExpired(room: string): readonly Send[] {
    const taken = this.#expired.filter((send) => send.room === room);
    for (const send of taken) {
      this.#expired.splice(this.#expired.indexOf(send), 1);
      this.#try((storage) => storage.removeItem(this.#key(send)));
    }
    return taken;
  }

  /** Removes a send, also from the storage. */
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

  /** Keeps a send after its promise was rejected. A later caller with the same nonce gets a new promise. */
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
        if (!stored) storage.removeItem(key);
        else if (this.#options.now() - stored.at <= STORED_MAX_AGE_MS) found.push(stored);
        else this.#expired.push(newSend(stored.room, stored.text, stored.nonce, stored.replyTo));
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
      // The storage is full, forbidden or corrupt. The outbox continues in memory.
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
  // The server would close the connection (1009).
  if (bytes > FRAME_MAX_BYTES) throw new MadangError("text_too_long");
  return { room, text, nonce, ...reply, frame, bytes, answer: openAnswer() };
}

function openAnswer(): Answer {
  let ends!: Omit<Answer, "promise">;
  const promise = new Promise<SendResult>((resolve, reject) => {
    ends = { resolve, reject };
  });
  // A caller that ignores the promise learns of a failure from the room's `failed` event, not from a crash.
  promise.catch(() => {});
  return { promise, ...ends };
}

/** Pages without https lack `randomUUID`. */
function randomNonce(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
