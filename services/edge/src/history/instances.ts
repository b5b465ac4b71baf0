import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { Instance } from "./instance.ts";

/** How long the addresses of a host name are used before the next request has them looked up again. */
const ADDRESSES_MAX_AGE_MS = 10_000;

/** All IP addresses of a host name. */
export type Lookup = (hostname: string) => Promise<string[]>;

const lookupAll: Lookup = async (hostname) =>
  (await systemLookup(hostname, { all: true })).map(({ address }) => address);

/** One URL of the configuration, and the instances behind it: one an address, as a headless Kubernetes Service has. */
class Host {
  readonly #url: URL;
  readonly #hostname: string;
  readonly #lookup: Lookup;
  readonly #byAddress = new Map<string, Instance>();
  #instances: readonly Instance[] = [];
  #lookedUpAt = Number.NEGATIVE_INFINITY;
  #lookingUp: Promise<void> | undefined;

  constructor(url: string, lookup: Lookup) {
    this.#url = new URL(url);
    this.#hostname = this.#url.hostname.replace(/^\[|\]$/g, "");
    this.#lookup = lookup;
    if (isIP(this.#hostname)) this.#instances = [new Instance(this.#url)];
  }

  /** Waits for the first lookup only: later ones run in the background, and the old addresses serve meanwhile. */
  async instances(): Promise<readonly Instance[]> {
    if (isIP(this.#hostname)) return this.#instances;
    if (performance.now() - this.#lookedUpAt > ADDRESSES_MAX_AGE_MS) {
      this.#lookingUp ??= this.#refresh().finally(() => {
        this.#lookingUp = undefined;
      });
      if (this.#instances.length === 0) await this.#lookingUp;
    }
    return this.#instances;
  }

  async close(): Promise<void> {
    await this.#lookingUp;
    await Promise.all(this.#instances.map(({ pool }) => pool.destroy()));
  }

  async #refresh(): Promise<void> {
    // Without an address, the connection itself fails and says why.
    const addresses = await this.#lookup(this.#hostname).catch(() => []);
    this.#lookedUpAt = performance.now();
    if (addresses.length === 0) {
      if (this.#instances.length === 0) this.#instances = [new Instance(this.#url)];
      return;
    }
    const old = new Set(this.#instances);
    this.#instances = [...new Set(addresses)].map((address) => {
      const instance = this.#byAddress.get(address) ?? new Instance(this.#url, address);
      this.#byAddress.set(address, instance);
      old.delete(instance);
      return instance;
    });
    for (const instance of old) this.#retire(instance);
  }

  /** The service has left this address. Requests in flight there still get their answers. */
  #retire(instance: Instance): void {
    for (const [address, known] of this.#byAddress) if (known === instance) this.#byAddress.delete(address);
    void instance.pool.close();
  }
}

/** All instances of the persistence service, and which of them the next request goes to. */
export class Instances {
  readonly #hosts: readonly Host[];
  #turn = 0;

  /** @param urls base URLs, without a path; the addresses of each host name are instances of their own */
  constructor(urls: readonly string[], lookup: Lookup = lookupAll) {
    if (urls.length === 0) throw new TypeError("The persistence service needs at least one URL");
    this.#hosts = urls.map((url) => new Host(url, lookup));
  }

  /**
   * The instance for a request: healthy ones in turn, and those with a penalty only when no other is left.
   * @param tried instances that have failed this request already
   * @returns `undefined` when all have
   */
  async next(tried: ReadonlySet<Instance>): Promise<Instance | undefined> {
    const all = (await Promise.all(this.#hosts.map((host) => host.instances()))).flat();
    const others = all.filter((instance) => !tried.has(instance));
    const healthy = others.filter(({ isPenalized }) => !isPenalized);
    const candidates = healthy.length > 0 ? healthy : others;
    return candidates[this.#turn++ % candidates.length];
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
  }
}
