import type { Measurement, MetricName } from "../metrics.ts";
import type { Peer, PeerName } from "../peers/peer.ts";

export interface Context {
  /** Seconds measured at full load. */
  readonly seconds: number;
  /** Of the same load before: a server's just-in-time compiler takes some seconds of both cores, once in its life. */
  readonly warmUpS: number;
  /** Smaller sizes, so that a run of everything takes two minutes. */
  readonly quick: boolean;
  readonly say: (line: string) => void;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What a step of it is, where it has several. */
  readonly step?: string;
  /** What is compared first. */
  readonly main: MetricName;
  /** Who can take part; the others have no such thing. Absent: all. */
  readonly only?: readonly PeerName[];
  run(peer: Peer, context: Context): Promise<Measurement[]>;
}
