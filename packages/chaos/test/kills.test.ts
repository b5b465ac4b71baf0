/** kill -9 of each part, and of all mixed: the short form of `npm run chaos`. */
import t from "tap";
import { holds } from "./support.ts";

t.setTimeout(400_000);

for (const part of ["edge", "persistence", "nats", "mongod"]) {
  t.test(`kill -9 of ${part} under load`, (t) => holds(t, `kill-${part}`, 2));
}
t.test("kill -9 of all parts mixed under load", (t) => holds(t, "kill-any", 6));
