import { ProtocolError } from "@madang/protocol";
import { createInbox, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { LogRecord } from "./log.ts";
import { headerNumber, headerStatus, headerText } from "./raw-message.ts";
import { LOG_SUBJECTS, STREAM } from "./subjects.ts";

/** A record of any room, as the Direct Get API returns it. */
export interface SubjectRecord extends LogRecord {
  readonly subject: string;
  /** The header block of the answer, which includes the headers of the publish. */
  readonly headers: string;
}

interface Request {
  readonly records: SubjectRecord[];
  readonly timer: NodeJS.Timeout;
  readonly resolve: (records: SubjectRecord[]) => void;
  readonly reject: (error: ProtocolError) => void;
}

/** A request without an answer within this time has failed. A healthy server answers within some milliseconds. */
const ANSWER_LIMIT_MS = 5000;
/** The bytes of a request for the last records of subjects: those between two subjects, and those around all. */
const QUOTES = 3;
const QUESTION_BYTES = 64;
/** More than any record has. */
const ONE_RECORD_BYTES = 1024 * 1024;
const END_OF_BATCH = 204;
const NOT_FOUND = 404;

/**
 * Batch reads of a stream by the Direct Get API (ADR-31), over one subscription for all requests. Not the library's own,
 * because its iterator never ends when the connection is lost in the middle of a batch.
 */
export class DirectGet {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #stream: string;
  readonly #subscription: Subscription;
  readonly #requests = new Map<string, Request>();
  #connected = true;
  #nextToken = 0;

  constructor(nc: NatsConnection, inboxPrefix?: string, stream: string = STREAM) {
    this.#nc = nc;
    this.#stream = stream;
    this.#inbox = createInbox(inboxPrefix);
    this.#subscription = nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (!error) this.#answer(msg.subject.slice(this.#inbox.length + 1), headerText(msg), msg.data);
      },
    });
  }

  /**
   * Records of a subject from `seq` on, ascending, at most `batch` of them and about `maxBytes`.
   * @throws ProtocolError `log_unavailable`
   */
  next(subject: string, seq: number, batch: number, maxBytes: number): Promise<SubjectRecord[]> {
    return this.#request({ seq, next_by_subj: subject, batch, max_bytes: maxBytes });
  }

  /**
   * The first record of any room from `seq` on: another one than asked for shows that the one at `seq` was removed.
   * `undefined` when there is none, as a replica that is behind answers. @throws ProtocolError `log_unavailable`
   */
  async at(seq: number): Promise<SubjectRecord | undefined> {
    return (await this.next(LOG_SUBJECTS, seq, 1, ONE_RECORD_BYTES))[0];
  }

  /**
   * The newest record of each subject that has one, with as many requests as the server's `max_payload` makes necessary.
   * @throws ProtocolError `log_unavailable`
   */
  async last(subjects: readonly string[]): Promise<SubjectRecord[]> {
    const bytes = subjects.reduce((sum, subject) => sum + subject.length + QUOTES, 0) + QUESTION_BYTES;
    const half = subjects.length >> 1;
    if (half === 0 || bytes <= (this.#nc.info?.max_payload ?? 0)) {
      return this.#request({ multi_last: subjects, batch: subjects.length });
    }
    return (await Promise.all([this.last(subjects.slice(0, half)), this.last(subjects.slice(half))])).flat();
  }

  /** Whether a request reaches the server now. After a loss of the connection the library drops messages until it dials. */
  get connected(): boolean {
    return this.#connected && this.#nc.info !== undefined;
  }

  /** To be called when the connection is lost. All open requests fail, and new ones until {@link onReconnect}. */
  onDisconnect(): void {
    this.#connected = false;
    for (const token of [...this.#requests.keys()]) this.#fail(token);
  }

  onReconnect(): void {
    this.#connected = true;
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.onDisconnect();
  }

  #request(query: object): Promise<SubjectRecord[]> {
    if (!this.connected) return Promise.reject(new ProtocolError("log_unavailable"));
    const token = (this.#nextToken++).toString(36);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(token), ANSWER_LIMIT_MS);
      this.#requests.set(token, { records: [], timer, resolve, reject });
      try {
        this.#nc.publish(`$JS.API.DIRECT.GET.${this.#stream}`, JSON.stringify(query), {
          reply: `${this.#inbox}.${token}`,
        });
      } catch {
        this.#fail(token);
      }
    });
  }

  #answer(token: string, headers: string, data: Uint8Array): void {
    const request = this.#requests.get(token);
    if (!request) return;
    const status = headerStatus(headers);
    if (status === 0) {
      const seq = headerNumber(headers, "Nats-Sequence");
      const subject = /\nNats-Subject: ([^\r]+)/.exec(headers)?.[1];
      if (seq !== undefined && subject !== undefined) request.records.push({ seq, subject, headers, data });
      request.timer.refresh();
    } else if (status === END_OF_BATCH || status === NOT_FOUND) {
      this.#requests.delete(token);
      clearTimeout(request.timer);
      request.resolve(request.records);
    } else {
      this.#fail(token);
    }
  }

  #fail(token: string): void {
    const request = this.#requests.get(token);
    if (!request) return;
    this.#requests.delete(token);
    clearTimeout(request.timer);
    request.reject(new ProtocolError("log_unavailable"));
  }
}
