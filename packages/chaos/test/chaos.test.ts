/**
 * Faults other than kills: the short form of `npm run chaos`. All others are left to the long form; the tests of
 * the edge, the broker and persistence prove their rules.
 */
import t from "tap";
import { holds } from "./support.ts";

t.setTimeout(600_000);

t.test("the link to NATS swallows bytes", (t) => holds(t, "nats-swallowed", 1));
t.test("the leader of three NATS servers stands still, and another takes over", (t) => holds(t, "stop-nats-server", 1));
t.test("SIGTERM of an edge under load, again and again", (t) => holds(t, "drain", 2));
