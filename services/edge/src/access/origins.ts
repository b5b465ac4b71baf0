import { badValue, type FailureLog } from "@madang/runtime";

/** These would make a part of a Host header something other than its host. */
const NOT_IN_HOST = /[@/\\?#\s]/;
/** Longest origin or host in a log line; both come from the client. */
const LOGGED_MAX_LENGTH = 200;

/** Whether the text is one origin, as browsers write it: without a path, and not a pattern. */
function isOrigin(text: string): boolean {
  return !text.includes("*") && URL.canParse(text) && new URL(text).origin === text;
}

export interface OriginHeaders {
  readonly headers: { readonly origin?: string | undefined; readonly host?: string | undefined };
}

/**
 * The origins from which pages may use this server. Browsers send the origin of a page. A client that sends none is not a
 * browser, so a foreign page cannot misuse it.
 */
export class Origins {
  readonly #listed: ReadonlySet<string>;
  readonly #any: boolean;

  /** @throws ConfigError */
  constructor(list: string) {
    const origins = list.split(",").flatMap((origin) => origin.trim().toLowerCase() || []);
    for (const origin of origins) {
      if (origin !== "*" && !isOrigin(origin)) {
        throw badValue("ALLOWED_ORIGINS", "like https://a.example,https://b.example:8443, or *", origin);
      }
    }
    this.#listed = new Set(origins);
    this.#any = this.#listed.has("*");
  }

  /** Whether a page of the origin may connect, read and write. */
  allow(request: OriginHeaders): boolean {
    return this.#any || this.trust(request);
  }

  /** Whether a cookie counts, which browsers add by themselves: for listed origins and for our own host. */
  trust({ headers: { origin, host } }: OriginHeaders): boolean {
    if (origin === undefined || this.#listed.has(origin)) return true;
    // Only a proxy in front knows the scheme of the request, so the origin's scheme decides which port is the default.
    if (host === undefined || NOT_IN_HOST.test(host) || !URL.canParse(origin)) return false;
    const { protocol, host: originHost } = new URL(origin);
    const own = `${protocol}//${host}`;
    return originHost !== "" && URL.canParse(own) && new URL(own).host === originHost;
  }
}

/** Counts requests of refused origins, and logs them at most once a minute. */
export class RefusedOrigins {
  readonly #onFailure: FailureLog;
  /** Several checks of one request count once. */
  readonly #requests = new WeakSet<object>();
  #count = 0;

  constructor(onFailure: FailureLog = () => {}) {
    this.#onFailure = onFailure;
  }

  get count(): number {
    return this.#count;
  }

  add(request: OriginHeaders): void {
    if (this.#requests.has(request)) return;
    this.#requests.add(request);
    this.#count++;
    const [origin, host] = [request.headers.origin, request.headers.host].map((text) =>
      text?.slice(0, LOGGED_MAX_LENGTH),
    );
    this.#onFailure(
      "refused a page of another origin: to allow it, add the origin to ALLOWED_ORIGINS",
      new Error(`origin ${origin}, host ${host}`),
    );
  }
}
