/**
 * Faults other than kills: the short form of `npm run chaos`. Other stops, the lost tail, the slow reader and the storm are left
 * to the long form; the edge's own tests prove their rules.
 */
import t from "tap";
import { holds } from "./support.ts";

t.setTimeout(600_000);

t.test("the link to NATS swallows bytes", (t) => holds(t, "nats-swallowed", 1));
t.test("the leader of three NATS servers stands still, and another takes over", (t) => holds(t, "stop-nats-server", 1));
t.test("mongod away: chat goes on, history catches up", (t) => holds(t, "mongod-away", 1));
t.test("a full log refuses, and goes on when there is room", (t) => holds(t, "log-full", 1));
t.test("F2: every position is answered", (t) => holds(t, "resume", 1));
t.test("a log that was made anew swallows nothing as a duplicate", (t) => holds(t, "log-remade", 1));
t.test("SIGTERM of an edge under load, again and again", (t) => holds(t, "drain", 3));
