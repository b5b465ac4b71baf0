import { type AuthSettings, isLoopback } from "@madang/auth";
import { FRAME_MAX_BYTES } from "@madang/protocol";
import { badValue, type Rate, readConfig } from "@madang/runtime";
import { Type } from "typebox";
import { parseCount, parseRate } from "./limit-syntax.ts";

/** Limits per client. `undefined` and infinity mean "off". */
export interface Limits {
  /** Messages of a connection; over HTTP, of a user or address. */
  readonly sends: Rate | undefined;
  /** Messages of a user, over all connections and edges. */
  readonly userSends: Rate | undefined;
  /** Joins, leaves and refreshes of a connection. */
  readonly joins: Rate | undefined;
  /** Typing notices of a connection. */
  readonly typing: Rate | undefined;
  /** HTTP requests of a user or address. */
  readonly requests: Rate | undefined;
  readonly addressConnections: number;
  readonly userConnections: number;
  /** Rooms that a connection may join (rule F5). */
  readonly connectionRooms: number;
  /** Time for a complete request, in milliseconds. 0 means "off". */
  readonly requestMs: number;
  readonly headerBytes: number;
  /** Largest frame (rule F6) and HTTP body. */
  readonly frameBytes: number;
}

/** With AUTH=none on a loopback address, where all clients are local, these limits are off by default. */
export const LIMIT_DEFAULTS = {
  SEND_LIMIT: "120/60s",
  SEND_LIMIT_USER: "240/60s",
  JOIN_LIMIT: "300/60s",
  TYPING_LIMIT: "60/60s",
  HISTORY_LIMIT: "600/60s",
  CONNECTIONS_PER_ADDRESS: "200",
  CONNECTIONS_PER_USER: "20",
} as const;

const counted = (description: string) => Type.String({ default: "", description });

/** The edge's limits per client. */
export const LimitsEnvironment = Type.Object({
  SEND_LIMIT: counted("Messages of one connection; over HTTP, of one user or address."),
  SEND_LIMIT_USER: counted("Messages of one user, over all connections and edges."),
  JOIN_LIMIT: counted("Joins, leaves and refreshes of one connection."),
  TYPING_LIMIT: counted("Typing notices of one connection."),
  HISTORY_LIMIT: counted("HTTP requests of one user or address."),
  CONNECTIONS_PER_ADDRESS: counted("WebSockets from one IPv4 address or IPv6 /64 on one edge."),
  CONNECTIONS_PER_USER: counted("WebSockets of one user, over all edges."),
  ROOMS_PER_CONNECTION: Type.String({ default: "128", description: "Rooms that one connection may join." }),
  REQUEST_LIMIT_MS: Type.String({ default: "10000", description: "Time for a complete request or handshake." }),
  HEADER_MAX_BYTES: Type.Integer({
    default: 16 * 1024,
    minimum: 1024,
    maximum: 256 * 1024,
    description: "Largest HTTP request header.",
  }),
  FRAME_MAX_BYTES: Type.Integer({
    default: FRAME_MAX_BYTES,
    minimum: 1024,
    maximum: FRAME_MAX_BYTES,
    description: "Largest frame and HTTP body.",
  }),
});

/** @throws ConfigError */
export function readLimits(host: string, auth: AuthSettings, env: NodeJS.ProcessEnv): Limits {
  const e = readConfig(LimitsEnvironment, env);
  const isOpen = auth.mode === "none" && isLoopback(host);
  const text = (variable: keyof typeof LIMIT_DEFAULTS): string =>
    e[variable] || (isOpen ? "off" : LIMIT_DEFAULTS[variable]);
  const rate = (variable: keyof typeof LIMIT_DEFAULTS) => parseRate(variable, text(variable));
  const count = (variable: keyof typeof LIMIT_DEFAULTS) => parseCount(variable, text(variable));
  const requestMs = parseCount("REQUEST_LIMIT_MS", e.REQUEST_LIMIT_MS);
  if (Number.isFinite(requestMs) && requestMs < 1000) {
    throw badValue("REQUEST_LIMIT_MS", "a whole number from 1000 to 999999999, or off", e.REQUEST_LIMIT_MS);
  }
  return {
    sends: rate("SEND_LIMIT"),
    userSends: rate("SEND_LIMIT_USER"),
    joins: rate("JOIN_LIMIT"),
    typing: rate("TYPING_LIMIT"),
    requests: rate("HISTORY_LIMIT"),
    addressConnections: count("CONNECTIONS_PER_ADDRESS"),
    userConnections: count("CONNECTIONS_PER_USER"),
    connectionRooms: Math.min(parseCount("ROOMS_PER_CONNECTION", e.ROOMS_PER_CONNECTION), Number.MAX_SAFE_INTEGER),
    requestMs: Number.isFinite(requestMs) ? requestMs : 0,
    headerBytes: e.HEADER_MAX_BYTES,
    frameBytes: e.FRAME_MAX_BYTES,
  };
}
