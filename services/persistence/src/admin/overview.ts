import type { FastifyInstance } from "fastify";
import type { Admin } from "./admin.ts";
import { cursorOf, type Fields, idLike, textOf } from "./forms.ts";

const AUDIT_PAGE = 50;
/** The id of an entry: its time, and a UUID. */
const AUDIT_ID = /^\d{4}-\d\d-\d\dT[\d:.]{12}Z [\da-f-]{36}$/;
const JOBS_SHOWN = 10;

/** Live figures, and what moderators have done. */
export function overviewRoutes(app: FastifyInstance, { logAdmin, admin, floor, show }: Admin): void {
  let before: { seq: number; epoch: string; at: number } | undefined;
  let rate: number | undefined;

  app.get("/admin/", async (request, reply) => {
    const [log, end] = await Promise.all([logAdmin.log().catch(() => undefined), floor.now().catch(() => undefined)]);
    const now = performance.now();
    if (log && (!before || now - before.at > 1000)) {
      rate = before && before.epoch === log.epoch ? (log.lastSeq - before.seq) / ((now - before.at) / 1000) : undefined;
      before = { seq: log.lastSeq, epoch: log.epoch, at: now };
    }
    const edges = logAdmin.edges();
    const sum = (of: "connections" | "rooms") => edges.reduce((total, edge) => total + edge[of], 0);
    return show(request, reply, "overview.eta", {
      // Only where it was asked for: a page that loads itself takes what one reads there away.
      live: textOf(request.query as Fields, "live") !== undefined,
      log,
      rate,
      lag: log && end ? (end.epoch === log.epoch ? Math.max(0, log.lastSeq - end.seq) : log.lastSeq) : undefined,
      edges: edges.length,
      connections: sum("connections"),
      openRooms: sum("rooms"),
      rooms: await admin.countRooms(),
      letters: await admin.countDeadLetters(),
      jobs: await admin.jobs(JOBS_SHOWN),
    });
  });

  app.get("/admin/audit", async (request, reply) => {
    const entries = await admin.audit(cursorOf(request.query as Fields, "before", idLike(AUDIT_ID)), AUDIT_PAGE);
    return show(request, reply, "audit.eta", {
      entries,
      next: entries.length === AUDIT_PAGE ? entries.at(-1)!.id : undefined,
    });
  });
}
