import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { STREAM } from "../stored.ts";
import { type Scenario, trial } from "../trial.ts";

const MAX_ROUNDS = 3;
const ANSWER_LIMIT_MS = 40_000;

export const logDeleted: Scenario = {
  name: "log-deleted",
  summary: "the stream is deleted under load and recreated: sequences restart, and no message is taken for a duplicate",
  run: (settings) =>
    trial("log-deleted", settings, {}, async ({ crowd, jsm, random, fault, noteDeletion, violation }) => {
      for (let i = 0; i < (settings.brief ? 1 : Math.min(settings.kills, MAX_ROUNDS)); i++) {
        await delay(random.between(3000, 6000));
        fault("the stream is deleted");
        await jsm.streams.delete(STREAM);
        noteDeletion();
        const acked = crowd.acked.length;
        if (!(await within(ANSWER_LIMIT_MS, () => crowd.acked.length > acked + 100)))
          violation("chat did not continue");
      }
      await delay(4000);
    }),
};
