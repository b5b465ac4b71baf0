import type { Log } from "@madang/broker";
import type { Logger } from "@madang/runtime";
import type { Guard } from "../access/guard.ts";
import type { Limits } from "../access/limits.ts";
import type { Moderation } from "../access/moderation.ts";
import type { EdgeCounts } from "../rooms/counts.ts";
import type { Hub } from "../rooms/hub.ts";

export interface EdgeSettings {
  readonly limits: Limits;
  readonly textMaxCharacters: number;
}

/** The parts of an edge that sessions and routes use. */
export interface EdgeServices {
  readonly settings: EdgeSettings;
  readonly log: Log;
  readonly logger: Logger;
  readonly guard: Guard;
  readonly moderation: Moderation;
  readonly hub: Hub;
  readonly counts: EdgeCounts;
}
