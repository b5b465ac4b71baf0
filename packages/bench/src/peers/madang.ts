import { startMongod, startNats, startService } from "@madang/local-stack";
import type { WireName } from "../load/wires.ts";
import { countMessages } from "./count-messages.ts";
import { type Peer, type PeerName, Processes, type StartOptions, type System } from "./peer.ts";

/** The default limits are meant for people, not for a load generator. */
const LIMITS_OFF = {
  SEND_LIMIT: "off",
  SEND_LIMIT_USER: "off",
  JOIN_LIMIT: "off",
  HISTORY_LIMIT: "off",
  CONNECTIONS_PER_ADDRESS: "off",
  CONNECTIONS_PER_USER: "off",
};

export type Service = "edge" | "persistence";

/** Starts one of Madang's services without its limits. */
export function startUnlimited(service: Service, index: number, env: NodeJS.ProcessEnv) {
  const nodeArgs = process.env["BENCH_NODE_ARGS"]?.split(" ").filter(Boolean) ?? [];
  return startService(service, {
    name: `${service}-${index}`,
    env: { ...LIMITS_OFF, DRAIN_MS: "0", ...env },
    nodeArgs,
  });
}

async function start({ edges = 1 }: StartOptions = {}): Promise<System> {
  const processes = new Processes();
  // Like production, NATS calls fsync before each acknowledgement. NATS_SYNC sets a period instead, as in `npm start`.
  const nats = await processes.add(startNats({ sync: process.env["NATS_SYNC"] ?? "always" }));
  const mongod = await processes.add(startMongod());
  const shared = { NATS_URL: nats.url, MONGODB_URL: mongod.url };
  const persistence = await processes.add(startUnlimited("persistence", 1, shared));
  const env = { ...shared, PERSISTENCE_URL: persistence.url };
  const addresses: string[] = [];
  for (let i = 1; i <= edges; i++) {
    const edge = await processes.add(startUnlimited("edge", i, env));
    addresses.push(`127.0.0.1:${edge.port}`);
  }
  return {
    addresses,
    processes: processes.started,
    stored: () => countMessages(mongod.url),
    stop: () => processes.stop(),
  };
}

const peer = (name: PeerName, title: string, wire: WireName): Peer => ({ name, title, wire, start });

/** The full protocol of the page and the SDK. */
export const madang = peer("madang", "Madang", "madang");
/** The tutorial's own frames. */
export const madangPlain = peer("madang-plain", "Madang, plain protocol", "plain");
