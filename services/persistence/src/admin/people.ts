import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { holds, ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { exportPerson } from "../moderation/export.ts";
import { type Act, sanctioned } from "../moderation/moderator.ts";
import type { Admin } from "./admin.ts";
import { exactlyOf, type Fields, isConfirmed, personOf, reasonOf, roomOf, textOf } from "./forms.ts";

const ACTS: readonly string[] = ["ban", "unban", "mute", "unmute"] satisfies Act[];

const RULES_LIMIT_MS = 2500;

async function within(limitMs: number, done: Promise<void>): Promise<void> {
  const late = delay(limitMs, undefined, { ref: false }).then(() =>
    Promise.reject(new Error("the rules could not be read in time")),
  );
  await Promise.race([done, late]);
}

/** People: ban, mute, lift, export, erase. */
export function peopleRoutes(app: FastifyInstance, { logAdmin, admin, moderator, show, done }: Admin): void {
  app.get("/admin/people", async (request, reply) => {
    const now = Date.now();
    const sanctions = sanctioned(logAdmin.rules.all()).flatMap((rule) =>
      (["ban", "mute"] as const)
        .filter((kind) => holds(rule[kind], now))
        .map((kind) => ({ kind, rule, ...rule[kind]! })),
    );
    sanctions.sort((a, b) => (a.at < b.at ? 1 : -1));
    const query = request.query as Fields;
    const asked = {
      user: exactlyOf(query, "user"),
      userId: exactlyOf(query, "userId"),
      room: exactlyOf(query, "room"),
    };
    return show(request, reply, "people.eta", { sanctions, asked });
  });

  app.post("/admin/people", async (request, reply) => {
    const fields = request.body as Fields;
    const act = textOf(fields, "act") ?? "";
    if (!ACTS.includes(act)) throw new ProtocolError("bad_request", { field: "act" });
    await moderator.sanction(personOf(fields), roomOf(fields), act as Act, reasonOf(fields));
    return done(reply, "/admin/people", "done");
  });

  app.post("/admin/people/erase", async (request, reply) => {
    const fields = request.body as Fields;
    const person = personOf(fields);
    if (!isConfirmed(fields, person.userId ?? person.user)) {
      throw new ProtocolError("bad_request", {
        field: "confirm",
        message: "To erase a person, type their id, or their name if they have no id.",
      });
    }
    await moderator.erase({ kind: "person", person });
    return done(reply, "/admin/", "erasing");
  });

  app.post("/admin/people/export", async (request, reply) => {
    const person = personOf(request.body as Fields);
    // Before the rules are read, the export would lack bans and mutes.
    await within(RULES_LIMIT_MS, logAdmin.ready);
    await moderator.note({ act: "export person", person });
    reply
      .type("application/x-ndjson; charset=utf-8")
      .header("content-disposition", 'attachment; filename="person.ndjson"');
    return reply.send(Readable.from(exportPerson(admin.search, logAdmin.rules.all(), person)));
  });
}
