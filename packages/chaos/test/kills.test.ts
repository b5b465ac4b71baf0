/** kill -9 of the two parts that members notice, and of all mixed: the short form of `npm run chaos`. */
import t from "tap";
import { holds } from "./support.ts";

t.setTimeout(400_000);

for (const part of ["edge", "nats"]) {
  t.test(`kill -9 of ${part} under load`, (t) => holds(t, `kill-${part}`, 2));
}
t.test("kill -9 of all parts mixed under load", (t) => holds(t, "kill-any", 6));
