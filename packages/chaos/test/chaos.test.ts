/**
 * Faults other than kills, in the short form of `npm run chaos`. The remaining scenarios run in the long form only. The
 * tests of the edge, the broker and persistence cover their rules.
 */
import t from "tap";
import { holds } from "./support.ts";

t.setTimeout(600_000);

t.test("the link to NATS drops all bytes", (t) => holds(t, "nats-partition", 1));
t.test("the leader of three NATS servers is halted, and another server takes over", (t) =>
  holds(t, "stop-nats-server", 1),
);
t.test("repeated SIGTERM of an edge under load", (t) => holds(t, "drain", 2));
