import type { Scenario } from "../trial.ts";
import { PARTS } from "../world.ts";
import { drain } from "./drain.ts";
import { killAny, killOf } from "./kill.ts";
import { logDeleted } from "./log-deleted.ts";
import { logFull } from "./log-full.ts";
import { lostTail } from "./lost-tail.ts";
import { mongodDown } from "./mongod-down.ts";
import { killNatsServer, stopNatsServer } from "./nats-cluster.ts";
import { natsPartition } from "./nats-partition.ts";
import { resume } from "./resume.ts";
import { slowReader } from "./slow-reader.ts";
import { stopOf } from "./stop.ts";
import { storm, stormApart } from "./storm.ts";

/** In the order of execution. */
export const SCENARIOS: readonly Scenario[] = [
  ...PARTS.map(killOf),
  killAny,
  killNatsServer,
  ...PARTS.map(stopOf),
  stopNatsServer,
  natsPartition,
  mongodDown,
  logFull,
  lostTail,
  slowReader,
  storm,
  stormApart,
  resume,
  logDeleted,
  drain,
];
