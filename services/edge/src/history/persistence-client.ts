import type { IncomingHttpHeaders } from "node:http";
import { ProtocolError } from "@madang/protocol";
import { type Dispatcher, errors } from "undici";
import type { Instance } from "./instance.ts";
import { Instances, type Lookup } from "./instances.ts";

/** Clients that get no answer may try again after this time. */
const RETRY_AFTER_S = 1;
const UNAVAILABLE = 503;
const SERVER_ERROR = 500;
/** Failures before the request was sent: any method can go to another instance. */
const NOT_SENT = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

export interface PersistenceRequest {
  readonly method: string;
  /** As it goes over the wire: the client neither decodes nor normalizes it. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body?: Buffer | undefined;
  /** Longest wait for the head of an instance's answer, and between two pieces of its body. */
  readonly limitMs: number;
  /** Whether another instance may get the same request after one has failed it. */
  readonly isIdempotent: boolean;
  /** For idempotent requests: an answer of 500 or above is such a failure too. Otherwise it is returned. */
  readonly retriesServerErrors?: boolean;
}

/** The status and headers of an answer, and its body, which the caller must read or destroy. */
export type PersistenceResponse = Pick<Dispatcher.ResponseData, "statusCode" | "headers" | "body">;

/** The requests that the edge makes of the persistence service. */
export interface PersistenceClient {
  /** @throws ProtocolError `history_unavailable` when no instance answers */
  request(request: PersistenceRequest): Promise<PersistenceResponse>;
}

export interface FailoverOptions {
  /** Is told of each failure of an instance, named by its host and port. */
  readonly onFailure?: (what: string, error: Error) => void;
  /** Replaces DNS. */
  readonly lookup?: Lookup;
}

/**
 * The persistence service behind all its addresses, with the one failover policy of the edge. Healthy instances take
 * turns. An instance that fails, or answers 503, is passed over for 2 s, and for twice as long after each further
 * failure, up to 60 s. A request tries each instance at most once, and a second one only where repeating is harmless.
 *
 * undici's own DNS and retry interceptors are not used: the first hides which address a request went to, so that no
 * penalty could be kept for it, and the second repeats a request at the same origin.
 */
export class FailoverClient implements PersistenceClient {
  readonly #instances: Instances;
  readonly #onFailure: (what: string, error: Error) => void;

  /** @param urls base URLs of the instances, without a path */
  constructor(urls: readonly string[], { onFailure = () => {}, lookup }: FailoverOptions = {}) {
    this.#instances = new Instances(urls, lookup);
    this.#onFailure = onFailure;
  }

  async request(request: PersistenceRequest): Promise<PersistenceResponse> {
    const tried = new Set<Instance>();
    let cause: unknown;
    for (;;) {
      const instance = await this.#instances.next(tried);
      if (!instance) break;
      tried.add(instance);
      try {
        const response = await send(instance, request);
        const { statusCode, body } = response;
        const isRetried = request.retriesServerErrors && statusCode >= SERVER_ERROR;
        if (!isRetried && statusCode !== UNAVAILABLE) {
          instance.answered();
          return response;
        }
        cause = new Error(`it answers ${statusCode}`);
        this.#failed(instance, cause as Error);
        if (!isRetried) return response;
        await body.dump();
      } catch (error) {
        // undici found the request invalid: no instance is at fault.
        if (error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError) throw error;
        cause = error;
        this.#failed(instance, error as Error);
        if (!request.isIdempotent && !NOT_SENT.has((error as NodeJS.ErrnoException).code ?? "")) break;
      }
    }
    throw new ProtocolError("history_unavailable", { cause, retryAfter: RETRY_AFTER_S });
  }

  /** Ends all connections; requests in flight fail. */
  close(): Promise<void> {
    return this.#instances.close();
  }

  #failed(instance: Instance, error: Error): void {
    instance.failed();
    this.#onFailure(`history cannot be read at ${instance.name}`, error);
  }
}

function send({ pool }: Instance, { method, path, headers, body, limitMs }: PersistenceRequest) {
  return pool.request({
    method: method as Dispatcher.HttpMethod,
    path,
    headers,
    body: body ?? null,
    headersTimeout: limitMs,
    bodyTimeout: limitMs,
  });
}
