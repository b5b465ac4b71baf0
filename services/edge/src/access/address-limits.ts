import type { Server } from "node:http";
import rateLimit from "@fastify/rate-limit";
import { ProtocolError } from "@madang/protocol";
import { Buckets, type Rate } from "@madang/runtime";
import type { Limits } from "./limits.ts";

/**
 * For each WebSocket that an address may have, it may have two sockets, whatever they are for, and try two handshakes a
 * minute: a whole house comes back when an edge dies, and may do so once more.
 */
const PER_CONNECTION = 2;
const WINDOW_MS = 60_000;
/** Whoever had to be thrown out has cost more than a handshake, and comes back at once. */
const HANDSHAKES_PER_EXPULSION = 20;

const OWN_FILES = 256;

/** As proxies write it: `192.0.2.1:443`, `[2001:db8::1]:443` (RFC 7239, 6). An IPv6 address of its own has no brackets. */
const WITH_PORT = /^(?:\[(.*)\]|([\d.]+))(?::\d*)?$/;

/** Limits of an address that hold before its WebSockets are counted: to let somebody in, or not, costs something, too. */
export class Doorstep {
  /** `undefined`: off. */
  readonly #rate: Rate | undefined;
  readonly #handshakes = new Buckets();

  constructor({ addressConnections }: Pick<Limits, "addressConnections">) {
    if (!Number.isFinite(addressConnections)) return;
    this.#rate = { count: addressConnections * PER_CONNECTION, windowMs: WINDOW_MS };
  }

  /** Cuts sockets beyond the limit before a byte of theirs is read. Not for where all of them are a proxy's. */
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

  /** Somebody from there was closed with 3013. */
  expelled(ip: string): void {
    for (let i = 0; i < HANDSHAKES_PER_EXPULSION && this.#take(ip) === 0; i++);
  }

  #take(ip: string): number {
    return this.#rate ? this.#handshakes.take(addressOf(ip), this.#rate, performance.now()) : 0;
  }
}

/** How many sockets clients may have in all: as many as the system lets this process open, but for those to NATS and persistence. */
export function mostSockets(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | "unlimited" } } };
  const files = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(files) ? Math.max(files - OWN_FILES, files / 2) : Number.POSITIVE_INFINITY;
}

/**
 * Whoever has an IPv6 address has 2^64 of them. Some proxies tell the port as well, which is another one with each socket.
 * Of a socket that was reset before anybody asked, no address is known.
 */
export function addressOf(ip: string | undefined): string {
  return rateLimit.normalizeIP((ip ?? "").replace(WITH_PORT, "$1$2"), 64);
}
