import type { Target } from "../peer.ts";
import type { Tally } from "../tally.ts";
import * as frames from "./frames.ts";
import * as sockets from "./sockets.ts";

/** Runs until the process ends. @param scale share of the attack's counts */
export type Attack = (target: Target, tally: Tally, scale: number) => void;

export const ATTACKS = { ...frames, ...sockets } satisfies Record<string, Attack>;

export type AttackName = keyof typeof ATTACKS;
