/** kill -9 of NATS, and of all parts mixed, in the short form of `npm run chaos`. */
import t from "tap";
import { holds } from "./support.ts";

t.setTimeout(400_000);

t.test("kill -9 of nats under load", (t) => holds(t, "kill-nats", 2));
t.test("kill -9 of all parts mixed under load", (t) => holds(t, "kill-any", 6));
