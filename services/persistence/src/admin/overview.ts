import type { FastifyInstance } from "fastify";
import type { Admin } from "./admin.ts";
import { cursorOf, type Fields, idLike, textOf } from "./forms.ts";

const AUDIT_PAGE = 50;
/** The id of an audit entry: its time and a UUID. */
const AUDIT_ID = /^\d{4}-\d\d-\d\dT[\d:.]{12}Z [\da-f-]{36}$/;
const JOBS_SHOWN = 10;

/** Live figures, and the audit log. */
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
      // Only on request, because a reload disturbs reading.
      live: textOf(request.query as Fields, "live") !== undefined,
      log,
      rate,
      lag: log && end ? (end.epoch === log.epoch ? Math.max(0, log.lastSeq - end.seq) : log.lastSeq) : undefined,
      edges: edges.length,
      connections: sum("connections"),
      openRooms: sum("rooms"),
      rooms: await admin.search.countRooms(),
      deadLetters: await admin.deadLetters.count(),
      jobs: await admin.jobs.latest(JOBS_SHOWN),
    });
  });

  app.get("/admin/audit", async (request, reply) => {
    const entries = await admin.audit.page(cursorOf(request.query as Fields, "before", idLike(AUDIT_ID)), AUDIT_PAGE);
    return show(request, reply, "audit.eta", {
      entries,
      next: entries.length === AUDIT_PAGE ? entries.at(-1)!.id : undefined,
    });
  });
}
