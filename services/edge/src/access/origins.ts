import { badValue } from "@madang/runtime";

/** One origin, as browsers write it: no path, and no pattern, which would be taken for a host's name. */
function isOrigin(text: string): boolean {
  return !text.includes("*") && URL.canParse(text) && new URL(text).origin === text;
}

interface Asked {
  readonly headers: { readonly origin?: string | undefined; readonly host?: string | undefined };
}

/**
 * From which pages this server may be used. A browser tells the origin of the page; who tells none is no browser, and
 * has nothing that a foreign page could misuse.
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

  /** Whether a page of that origin may connect and read. */
  allow(request: Asked): boolean {
    return this.#any || this.trust(request);
  }

  /** Whether what the browser adds by itself, a cookie, may count: for origins that are named, and for our own host. */
  trust({ headers: { origin, host } }: Asked): boolean {
    if (origin === undefined || this.#listed.has(origin)) return true;
    // The scheme is not compared: whether TLS ends in front of us is the proxy's knowledge.
    return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
  }
}
