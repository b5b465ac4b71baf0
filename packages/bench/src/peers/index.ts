import { centrifugo } from "./centrifugo.ts";
import { madang, madangPlain } from "./madang.ts";
import type { Peer } from "./peer.ts";
import { relay } from "./relay.ts";
import { socketio } from "./socketio.ts";
import { tutorial } from "./tutorial/peer.ts";

export const PEERS: readonly Peer[] = [madang, centrifugo, socketio, tutorial, madangPlain, relay];
/** The tutorial would make a quick run 50 % longer. */
export const QUICK_PEERS: readonly Peer[] = [madang, centrifugo, socketio];
/** Measured on demand only: Madang's plain protocol, and the sockets alone. */
export const DEFAULT_PEERS: readonly Peer[] = [madang, centrifugo, socketio, tutorial];

export const OURS = "madang";

/** The name of a peer in the tables. */
export function peerTitle(name: string): string {
  return PEERS.find((peer) => peer.name === name)?.title ?? name;
}
