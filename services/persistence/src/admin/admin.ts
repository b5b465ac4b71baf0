import type { LogAdmin } from "@madang/broker";
import type { Logger } from "@madang/runtime";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Moderator } from "../moderation/moderator.ts";
import type { Floor } from "../recovery/floor.ts";
import type { AdminStore } from "../store/admin-store.ts";
import type { Store } from "../store/store.ts";

export interface AdminDeps {
  readonly logAdmin: LogAdmin;
  readonly admin: AdminStore;
  readonly store: Store;
  readonly floor: Pick<Floor, "now">;
  readonly log: Logger;
}

/** The dependencies of a page's routes, and the two ways to answer a request. */
export interface Admin extends AdminDeps {
  readonly moderator: Moderator;
  show(request: FastifyRequest, reply: FastifyReply, view: string, data: object): FastifyReply;
  /** Redirects to a page after a successful form, which then shows the notice. */
  done(reply: FastifyReply, path: string, notice: keyof typeof NOTICES): FastifyReply;
}

/** Texts of the page that follows a form. */
export const NOTICES = {
  done: "Done.",
  erasing: "The erasure has begun. It continues until it is complete, even if this server stops.",
  retried: "The dead letter is now in the history.",
  stillDead: "The event still cannot be projected.",
} as const;
