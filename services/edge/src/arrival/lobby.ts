import { setTimeout as delay } from "node:timers/promises";
import { addHealthRoutes, type Logger, problem, sendClientError, sendProblem } from "@madang/runtime";
import { type FastifyListenOptions, type FastifyReply, fastify } from "fastify";

/** An edge that finds its log at once has no lobby: its port opens when all is there. */
const PATIENCE_MS = 1000;
const WARNING_INTERVAL_MS = 60_000;
const RETRY_AFTER_S = 1;

export interface LobbySettings {
  readonly address: FastifyListenOptions;
  /** How long a request may take to come in, in milliseconds; 0 is for ever. */
  readonly requestMs: number;
  readonly logger: Logger;
  /** Why it takes so long, if that is known. */
  readonly trouble: () => string | undefined;
}

/**
 * Waits for what an edge has nothing to say without: the log, and the moderators' rules. Should that take time, the port
 * is opened meanwhile for the probes, so that nobody takes an edge for dead that only waits: `/livez` is 200, `/readyz`
 * 503, and everything else, handshakes too, `log_unavailable`. When it resolves, the port is free again.
 * @throws what `opening` rejects with, or what keeps the port from being opened
 */
export async function waitInLobby<T>(
  opening: Promise<T>,
  { address, requestMs, logger, trouble }: LobbySettings,
): Promise<T> {
  const isOpen = await Promise.race([opening.then(() => true), delay(PATIENCE_MS, false)]);
  if (isOpen) return opening;
  const unavailable = (_request: unknown, reply: FastifyReply) =>
    sendProblem(reply, problem("log_unavailable", { detail: "This edge waits for the log." }), RETRY_AFTER_S);
  const lobby = fastify({
    forceCloseConnections: true,
    requestTimeout: requestMs,
    clientErrorHandler: sendClientError,
    frameworkErrors: (_error, request, reply) => unavailable(request, reply as FastifyReply),
  });
  addHealthRoutes(lobby, () => ({ log: trouble() ?? "not connected" }));
  lobby.setNotFoundHandler(unavailable);
  await lobby.listen(address);
  const warn = () => logger.warn(`${trouble() ?? "NATS cannot be reached, or does not let us in"}: trying on`);
  warn();
  const warning = setInterval(warn, WARNING_INTERVAL_MS);
  try {
    return await opening;
  } finally {
    clearInterval(warning);
    await lobby.close();
  }
}
