import { centrifugo } from "./centrifugo.ts";
import { madang, madangPlain } from "./madang.ts";
import type { Peer } from "./peer.ts";
import { relay } from "./relay.ts";
import { socketio } from "./socketio.ts";
import { tutorial } from "./tutorial/peer.ts";

export const PEERS: readonly Peer[] = [madang, centrifugo, socketio, tutorial, madangPlain, relay];
/** With the tutorial, a run takes half as long again. */
export const QUICK_PEERS: readonly Peer[] = [madang, centrifugo, socketio];
/** Ours in another dress, and the floor, are measured on demand only. */
export const DEFAULT_PEERS: readonly Peer[] = [madang, centrifugo, socketio, tutorial];

export const OURS = "madang";

/** How a peer is called in the tables. */
export function peerTitle(name: string): string {
  return PEERS.find((peer) => peer.name === name)?.title ?? name;
}
