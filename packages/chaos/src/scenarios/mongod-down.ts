import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { residentMiB } from "../memory.ts";
import { readHistory } from "../stored.ts";
import { type Scenario, trial } from "../trial.ts";

const HISTORY_LIMIT_MS = 60_000;
const WARM_UP_MS = 20_000;
const BRIEF_MS = 8000;

export const mongodDown: Scenario = {
  name: "mongod-down",
  summary: "mongod is down for --minutes under load: chat continues, and history catches up",
  run: (settings) =>
    trial("mongod-down", settings, {}, async ({ world, crowd, fault, note, violation }) => {
      await delay(settings.brief ? 1000 : WARM_UP_MS);
      const before = world.edges.map(residentMiB);
      fault("kill -9 of mongod, which stays down");
      await world.mongod.kill("SIGKILL");
      await delay(settings.brief ? BRIEF_MS : settings.minutes * 60_000);
      const after = world.edges.map(residentMiB);
      note(`${crowd.refusals()} publish errors`);
      if (crowd.refusals() > 0) violation(`${crowd.refusals()} sends were refused while mongod was down`);
      note(`edge memory ${before.map((mib, i) => `${mib.toFixed(0)} → ${after[i]!.toFixed(0)}`).join(", ")} MiB`);
      const last = new Map(crowd.acked.filter(({ seq }) => seq > 0).map((ack) => [ack.room, ack]));
      await world.mongod.restart();
      const returnedAt = performance.now();
      const complete = await within(HISTORY_LIMIT_MS, async () => {
        for (const { room, seq } of last.values()) {
          const messages = await readHistory(world.edges[0]!.url, room).catch(() => []);
          if (!messages.some((each) => each.seq >= seq)) return false;
        }
        return true;
      });
      note(`history complete ${((performance.now() - returnedAt) / 1000).toFixed(1)} s after the restart of mongod`);
      if (!complete) violation(`history was not complete ${HISTORY_LIMIT_MS / 1000} s after the restart of mongod`);
    }),
};
