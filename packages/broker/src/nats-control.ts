import { setTimeout as delay } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { NatsSettings } from "./connect.ts";
import type { Control, EdgeReport } from "./control.ts";
import type { Gossip } from "./gossip.ts";
import { Link } from "./link.ts";
import type { OnFailure, Opening } from "./opening.ts";
import { reasonOf } from "./reason.ts";
import { RuleBook } from "./rule-book.ts";
import type { Rules } from "./rules.ts";
import { EDGE_SUBJECTS, GOSSIP_SUBJECT } from "./subjects.ts";

const API_LIMIT_MS = 3000;
const RETRY_MS = 500;

/**
 * Opens an edge's connection for rules, gossip and reports. {@link Opening.ready} resolves when all rules are read.
 * @param onFailure told why, every few seconds while the rules are not read, and while NATS cannot be reached
 */
export function openControl(nats: NatsSettings, onFailure: OnFailure = () => {}): Control {
  return new NatsControl(nats, onFailure);
}

class NatsControl implements Control {
  readonly ready: Promise<void>;
  readonly #link: Link;
  readonly #inboxPrefix: string | undefined;
  readonly #onFailure: OnFailure;
  readonly #book = new RuleBook();
  readonly #gossipListeners: ((message: string) => void)[] = [];
  readonly #stop = new AbortController();
  #trouble: string | undefined = "the rules are being read";
  #isReady = false;

  readonly rules: Rules = this.#book;
  readonly gossip: Gossip = {
    publish: (message) => this.#publish(GOSSIP_SUBJECT, message),
    onMessage: (listener) => {
      this.#gossipListeners.push(listener);
    },
  };

  constructor(nats: NatsSettings, onFailure: OnFailure) {
    this.#inboxPrefix = nats.inboxPrefix;
    this.#onFailure = onFailure;
    this.#link = new Link(nats, (reason) => onFailure("rules and gossip cannot be received", new Error(reason)));
    this.ready = this.#open();
    this.ready.catch((error: Error) => {
      this.#trouble = error.message;
    });
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  get trouble(): string | undefined {
    return this.#link.trouble ?? this.#trouble;
  }

  report(report: EdgeReport): void {
    this.#publish(`${EDGE_SUBJECTS}.${report.id}`, JSON.stringify(report));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#book.close();
    await this.#link.close();
  }

  #publish(subject: string, data: string): void {
    // During an outage the library would keep it, and send it late.
    if (this.connected) this.#link.nc?.publish(subject, data);
  }

  async #open(): Promise<void> {
    const nc = await this.#link.opened;
    if (!nc) return;
    this.#receiveGossip(nc);
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: API_LIMIT_MS });
    this.#book.connect(nc, jsm, this.#inboxPrefix);
    this.#link.onDisconnect(() => this.#book.onDisconnect());
    this.#link.onReconnect(() => this.#book.onReconnect());
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#book.read();
        this.#trouble = undefined;
        this.#isReady = true;
        return;
      } catch (error) {
        this.#trouble = reasonOf(error) ?? "the rules cannot be read";
        this.#onFailure("the rules cannot be read", error as Error);
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  #receiveGossip(nc: NatsConnection): void {
    nc.subscribe(GOSSIP_SUBJECT, {
      callback: (error, msg) => {
        if (!error) for (const listener of this.#gossipListeners) listener(msg.string());
      },
    });
  }
}
