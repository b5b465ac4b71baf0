import type { AttackName } from "./attacks/index.ts";

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** Attacks that run at the same time. */
  readonly attacks: readonly AttackName[];
  /** Number of client addresses. */
  readonly addresses: number;
  /** Share of the attacks' counts. Default 1. */
  readonly share?: number;
  /** Settings of the edge, in addition to {@link DEFAULT_LIMITS}. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The default limits, which an edge on loopback does not have. */
export const DEFAULT_LIMITS = {
  SEND_LIMIT: "120/60s",
  JOIN_LIMIT: "300/60s",
  HISTORY_LIMIT: "600/60s",
  CONNECTIONS_PER_ADDRESS: "200",
} as const;

const NO_ADDRESS_LIMIT = { CONNECTIONS_PER_ADDRESS: "off" } as const;

const EVERYTHING: readonly AttackName[] = [
  ...(["slowHeaders", "slowBodies", "silentClients", "silentSockets", "churn"] as const),
  ...(["flood", "garbage", "unreadPongs", "fragments", "compression", "deepJson", "joins"] as const),
];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "slow-headers",
    summary: "2,000 handshakes at one byte per second (slowloris)",
    attacks: ["slowHeaders"],
    addresses: 20,
  },
  {
    name: "slow-bodies",
    summary: "2,000 POST and PUT bodies at one byte per second",
    attacks: ["slowBodies"],
    addresses: 20,
  },
  { name: "no-hello", summary: "3,000 handshakes without a hello", attacks: ["silentClients"], addresses: 20 },
  { name: "half-open", summary: "10,000 sockets that send nothing", attacks: ["silentSockets"], addresses: 20 },
  {
    name: "half-open-unlimited",
    summary: "the same without CONNECTIONS_PER_ADDRESS",
    attacks: ["silentSockets"],
    addresses: 20,
    env: NO_ADDRESS_LIMIT,
  },
  {
    name: "churn",
    summary: "handshakes at full speed, each followed by a disconnect",
    attacks: ["churn"],
    addresses: 20,
  },
  { name: "flooder", summary: "one client at 100 times SEND_LIMIT", attacks: ["flood"], addresses: 1, share: 0.05 },
  { name: "flood", summary: "20 clients at 100 times SEND_LIMIT", attacks: ["flood"], addresses: 1 },
  {
    name: "garbage",
    summary: "20 clients that send invalid frames at full speed",
    attacks: ["garbage"],
    addresses: 1,
  },
  {
    name: "unread-pongs",
    summary: "20 clients that send pings and never read",
    attacks: ["unreadPongs"],
    addresses: 1,
  },
  {
    name: "fragments",
    summary: "400 messages in endless fragments of one byte",
    attacks: ["fragments"],
    addresses: 2,
  },
  {
    name: "compression",
    summary: "compressed frames (not negotiated) and bodies, 64 MiB in 64 KiB",
    attacks: ["compression"],
    addresses: 1,
  },
  { name: "deep-json", summary: "frames and bodies of 32,000 nested arrays", attacks: ["deepJson"], addresses: 1 },
  { name: "joins", summary: "10,000 joins/s of new rooms over 100 sockets", attacks: ["joins"], addresses: 1 },
  {
    name: "joins-unlimited",
    summary: "the same without JOIN_LIMIT",
    attacks: ["joins"],
    addresses: 1,
    env: { JOIN_LIMIT: "off" },
  },
  {
    name: "all",
    summary: "all of these at once, each at a tenth of its counts",
    attacks: EVERYTHING,
    addresses: 20,
    share: 0.1,
  },
];
