import { setTimeout as delay } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats, type NatsSettings } from "./connect.ts";
import { type Gossip, openGossip } from "./gossip.ts";
import { RuleBook, type Rules } from "./rules.ts";

/** Where edges report, each at its own id. */
export const EDGE_SUBJECTS = "chat.edge";
const API_LIMIT_MS = 3000;
const RETRY_MS = 500;

/** What an edge says of itself every few seconds. */
export interface EdgeReport {
  /** Of the process; a token of NATS subjects. */
  readonly id: string;
  readonly connections: number;
  readonly rooms: number;
  /** Messages stored by it so far. */
  readonly stored: number;
}

/** What moderators say to the edges, and the edges of themselves: beside the log, over a connection of its own. */
export interface Control {
  readonly rules: Rules;
  readonly gossip: Gossip;
  /** At most once, and only while NATS can be reached. */
  report(report: EdgeReport): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Resolves when all rules are known: an edge that takes nobody in before lets no banned person in. */
export async function openControl(nats: NatsSettings): Promise<Control> {
  const nc = await connectNats(nats);
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: API_LIMIT_MS });
  const book = new RuleBook(nc, jsm, nats.inboxPrefix);
  const isRead = () =>
    book.read().then(
      () => true,
      () => false,
    );
  while (!(await isRead())) await delay(RETRY_MS);
  return {
    rules: book,
    gossip: openGossip(nc),
    report: (report) => {
      if (nc.info !== undefined) nc.publish(`${EDGE_SUBJECTS}.${report.id}`, JSON.stringify(report));
    },
    close: async () => {
      book.close();
      await nc.close();
    },
  };
}
