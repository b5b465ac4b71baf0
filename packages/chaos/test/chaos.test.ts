/** Faults other than kills: the short form of `npm run chaos`. */
import t from "tap";
import { holds } from "./support.ts";

t.setTimeout(600_000);

t.test("NATS stopped and gone on", (t) => holds(t, "stop-nats", 1));
t.test("the link to NATS swallows bytes", (t) => holds(t, "nats-swallowed", 1));
t.test("mongod away: chat goes on, history catches up", (t) => holds(t, "mongod-away", 1));
t.test("a full log refuses, and goes on when there is room", (t) => holds(t, "log-full", 1));
t.test("a lost tail is found; a slow consumer that NATS cuts is complete again", (t) => holds(t, "lost-tail", 1));
t.test("F8: a reader that stops gets all it missed, in order", (t) => holds(t, "slow-reader", 1));
t.test("F2: the members of a killed edge are resumed on the others", (t) => holds(t, "storm", 1));
t.test("F2: every position is answered", (t) => holds(t, "resume", 1));
t.test("a log that was made anew swallows nothing as a duplicate", (t) => holds(t, "log-remade", 1));
t.test("SIGTERM of an edge under load, again and again", (t) => holds(t, "drain", 3));
