import type { Server } from "node:http";
import rateLimit from "@fastify/rate-limit";
import { ProtocolError } from "@madang/protocol";
import { Buckets, type Rate } from "@madang/runtime";
import type { Limits } from "./limits.ts";

/**
 * For each WebSocket that an address may have, it may open two sockets of any kind, and try two handshakes a minute: all
 * clients of an address reconnect when an edge dies, and may do so a second time.
 */
const PER_CONNECTION = 2;
const WINDOW_MS = 60_000;
/** A client that was closed with 3013 has cost more than a handshake, and usually returns at once. */
const HANDSHAKES_PER_EXPULSION = 20;

/** File descriptors kept for NATS, persistence and this process's own files. */
const RESERVED_FILES = 256;

/** An address with a port, as proxies write it: `192.0.2.1:443`, `[2001:db8::1]:443` (RFC 7239, 6). A bare IPv6 address has no brackets. */
const WITH_PORT = /^(?:\[(.*)\]|([\d.]+))(?::\d*)?$/;

/** Limits of an address that apply before its WebSockets are counted: accepting and refusing cost something, too. */
export class AddressLimits {
  /** `undefined`: off. */
  readonly #rate: Rate | undefined;
  readonly #handshakes = new Buckets();

  constructor({ addressConnections }: Pick<Limits, "addressConnections">) {
    if (!Number.isFinite(addressConnections)) return;
    this.#rate = { count: addressConnections * PER_CONNECTION, windowMs: WINDOW_MS };
  }

  /** Destroys sockets over the limit before a byte of them is read. Not for a server whose sockets are all a proxy's. */
  watch(server: Server): void {
    if (!this.#rate) return;
    const { count: most } = this.#rate;
    const open = new Map<string, number>();
    server.on("connection", (socket) => {
      const address = addressOf(socket.remoteAddress);
      const count = open.get(address) ?? 0;
      if (count >= most) {
        socket.destroy();
        return;
      }
      open.set(address, count + 1);
      socket.once("close", () => {
        const left = open.get(address)! - 1;
        if (left > 0) open.set(address, left);
        else open.delete(address);
      });
    });
  }

  /** @throws ProtocolError `rate_limited` */
  takeHandshake(ip: string): void {
    const waitMs = this.#take(ip);
    if (waitMs > 0) throw new ProtocolError("rate_limited", { retryAfter: waitMs / 1000 });
  }

  /** Charges the address of a client that was closed with 3013. */
  expelled(ip: string): void {
    for (let i = 0; i < HANDSHAKES_PER_EXPULSION && this.#take(ip) === 0; i++);
  }

  #take(ip: string): number {
    return this.#rate ? this.#handshakes.take(addressOf(ip), this.#rate, performance.now()) : 0;
  }
}

/** How many sockets clients may have in all: the process's limit of open files, less a reserve. */
export function maxSockets(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | "unlimited" } } };
  const files = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(files) ? Math.max(files - RESERVED_FILES, files / 2) : Number.POSITIVE_INFINITY;
}

/**
 * The key under which an address is counted: an IPv6 client has a /64 of its own, and some proxies add a port, which
 * differs for each socket. The address of a socket that was reset early is unknown (`undefined`).
 */
export function addressOf(ip: string | undefined): string {
  return rateLimit.normalizeIP((ip ?? "").replace(WITH_PORT, "$1$2"), 64);
}
