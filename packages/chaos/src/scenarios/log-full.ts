import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { STREAM } from "../stored.ts";
import { type Scenario, trial } from "../trial.ts";

const MAX_ROUNDS = 5;
const SPACE_BYTES = 20_000;
const REFUSALS = 20;
const FULL_LIMIT_MS = 30_000;

export const logFull: Scenario = {
  name: "log-full",
  summary: "the log reaches its size limit: sends are refused with log_full until there is space",
  run: (settings) =>
    trial("log-full", settings, {}, async ({ crowd, jsm, random, fault, note, violation }) => {
      for (let i = 0; i < (settings.brief ? 2 : Math.min(settings.kills, MAX_ROUNDS)); i++) {
        await delay(random.between(1000, 3000));
        const { state } = await jsm.streams.info(STREAM);
        await jsm.streams.update(STREAM, { max_bytes: state.bytes + SPACE_BYTES });
        fault(`the log has space for ${SPACE_BYTES} more bytes`);
        const before = crowd.refusals("log_full");
        const refused = await within(FULL_LIMIT_MS, () => crowd.refusals("log_full") >= before + REFUSALS);
        if (!refused) violation("no send was refused with log_full");
        await delay(random.between(0, 3000));
        await jsm.streams.update(STREAM, { max_bytes: -1 });
        const acked = crowd.acked.length;
        if (!(await within(FULL_LIMIT_MS, () => crowd.acked.length > acked + REFUSALS))) {
          violation("chat did not continue when there was space again");
        }
      }
      note(`${crowd.refusals("log_full")} refused with log_full`);
      const others = crowd.refusals() - crowd.refusals("log_full");
      if (others > 0) violation(`${others} refused with another code`);
    }),
};
