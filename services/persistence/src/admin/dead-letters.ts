import { roomOfSubject } from "@madang/broker";
import { ProtocolError } from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import { createProjector } from "../projection/projector.ts";
import type { StoredDeadLetter } from "../store/admin-store.ts";
import type { Changes, DeadLetter } from "../store/changes.ts";
import type { Admin } from "./admin.ts";
import { cursorOf, type Fields, idLike } from "./forms.ts";

const DEAD_LETTERS_PAGE = 50;
/** The id of a letter: its position as a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what separates the parts of a key
const DEAD_LETTER_ID = /^[a-z\d]{1,32}\u001f\d{16}$/;
const SHOWN_CHARACTERS = 2000;

/** Dead letters: what could not be projected, to be looked at, tried again, or thrown away. */
export function deadLetterRoutes(app: FastifyInstance, { admin, store, log, moderator, show, done }: Admin): void {
  app.get("/admin/dead-letters", async (request, reply) => {
    const letters = await admin.letters(
      cursorOf(request.query as Fields, "after", idLike(DEAD_LETTER_ID)),
      DEAD_LETTERS_PAGE,
    );
    return show(request, reply, "dead-letters.eta", {
      letters: letters.map((letter) => ({
        ...letter,
        text: Buffer.from(letter.data).toString("utf8").slice(0, SHOWN_CHARACTERS),
      })),
      next: letters.length === DEAD_LETTERS_PAGE ? letters.at(-1)!.id : undefined,
    });
  });

  /** @throws what a store of its own throws; @returns whether it is in the history now */
  const retry = async ({ position, subject, data }: StoredDeadLetter): Promise<boolean> => {
    const failures: DeadLetter[] = [];
    const keeping = {
      write: (changes: Changes) => {
        failures.push(...changes.deadLetters.splice(0));
        return store.write(changes);
      },
      keepDeadLetters: async (letters: readonly DeadLetter[]) => {
        failures.push(...letters);
      },
    };
    await createProjector(keeping, log)([{ ...position, room: roomOfSubject(subject), subject, data, deliveries: 1 }]);
    return failures.length === 0;
  };

  app.post("/admin/dead-letters/retry", async (request, reply) => {
    const letter = await named(request.body as Fields);
    const projected = await retry(letter);
    if (projected) await admin.removeDeadLetter(letter.id);
    await moderator.note({
      act: "retry dead letter",
      detail: `${letter.subject}: ${projected ? "projected" : "in vain"}`,
    });
    return done(reply, "/admin/dead-letters", projected ? "retried" : "stillDead");
  });

  app.post("/admin/dead-letters/discard", async (request, reply) => {
    const letter = await named(request.body as Fields);
    await moderator.note({ act: "discard dead letter", detail: letter.subject });
    await admin.removeDeadLetter(letter.id);
    return done(reply, "/admin/dead-letters", "done");
  });

  async function named(fields: Fields): Promise<StoredDeadLetter> {
    const id = fields["id"];
    const letter = typeof id === "string" ? await admin.letter(id) : undefined;
    if (!letter) throw new ProtocolError("not_found");
    return letter;
  }
}
