import type { Measurement, MetricName } from "../metrics.ts";
import type { Peer, PeerName } from "../peers/peer.ts";

export interface Context {
  /** Seconds measured at full load. */
  readonly seconds: number;
  /** Seconds at the same load before, while the just-in-time compiler of a new server uses both cores. */
  readonly warmUpS: number;
  /** Smaller sizes: all scenarios take about 2 minutes. */
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** The unit of a step, in a scenario with several steps. */
  readonly step?: string;
  /** The metric that is compared first. */
  readonly main: MetricName;
  /** The peers that support the scenario. Absent: all peers. */
  readonly only?: readonly PeerName[];
  run(peer: Peer, context: Context): Promise<Measurement[]>;
}
