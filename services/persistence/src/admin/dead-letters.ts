import { roomOfSubject } from "@madang/broker";
import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { createProjector } from "../projection/projector.ts";
import type { Changes, DeadLetter } from "../store/changes.ts";
import type { StoredDeadLetter } from "../store/dead-letters.ts";
import type { Admin } from "./admin.ts";
import { cursorOf, type Fields, idLike } from "./forms.ts";

const DEAD_LETTERS_PAGE = 50;
/** The id of a dead letter: the key of its position. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: U+001F separates the parts of a key
const DEAD_LETTER_ID = /^[a-z\d]{1,32}\u001f\d{16}$/;
const SHOWN_CHARACTERS = 2000;

/** Dead letters: list, retry, discard. */
export function deadLetterRoutes(app: FastifyInstance, { admin, store, log, moderator, show, done }: Admin): void {
  app.get("/admin/dead-letters", async (request, reply) => {
    const page = await admin.deadLetters.page(
      cursorOf(request.query as Fields, "after", idLike(DEAD_LETTER_ID)),
      DEAD_LETTERS_PAGE,
    );
    return show(request, reply, "dead-letters.eta", {
      deadLetters: page.map((deadLetter) => ({
        ...deadLetter,
        text: Buffer.from(deadLetter.data).toString("utf8").slice(0, SHOWN_CHARACTERS),
      })),
      next: page.length === DEAD_LETTERS_PAGE ? page.at(-1)!.id : undefined,
    });
  });

  /** @returns whether the event is in the history now */
  const retry = async ({ position, subject, data }: StoredDeadLetter): Promise<boolean> => {
    const failures: DeadLetter[] = [];
    const collecting = {
      write: (changes: Changes) => {
        failures.push(...changes.deadLetters.splice(0));
        return store.write(changes);
      },
      keepDeadLetters: async (deadLetters: readonly DeadLetter[]) => {
        failures.push(...deadLetters);
      },
    };
    await createProjector(
      collecting,
      log,
    )([{ ...position, room: roomOfSubject(subject), subject, data, deliveries: 1 }]);
    return failures.length === 0;
  };

  app.post("/admin/dead-letters/retry", async (request, reply) => {
    const deadLetter = await requireDeadLetter(request.body as Fields);
    const projected = await retry(deadLetter);
    if (projected) await admin.deadLetters.remove(deadLetter.id);
    await moderator.note({
      act: "retry dead letter",
      detail: `${deadLetter.subject}: ${projected ? "projected" : "still cannot be projected"}`,
    });
    return done(reply, "/admin/dead-letters", projected ? "retried" : "stillDead");
  });

  app.post("/admin/dead-letters/discard", async (request, reply) => {
    const deadLetter = await requireDeadLetter(request.body as Fields);
    await moderator.note({ act: "discard dead letter", detail: deadLetter.subject });
    await admin.deadLetters.remove(deadLetter.id);
    return done(reply, "/admin/dead-letters", "done");
  });

  async function requireDeadLetter(fields: Fields): Promise<StoredDeadLetter> {
    const id = fields["id"];
    const deadLetter = typeof id === "string" ? await admin.deadLetters.get(id) : undefined;
    if (!deadLetter) throw new ProtocolError("not_found");
    return deadLetter;
  }
}
