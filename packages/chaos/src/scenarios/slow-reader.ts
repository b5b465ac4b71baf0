import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { Latencies } from "../latency.ts";
import { residentMiB } from "../memory.ts";
import { type Scenario, trial } from "../trial.ts";

const STOPPED_MS = 30_000;
const BRIEF_MS = 6000;
/** F8: the limit of the edge for a member that does not read, with a margin for the kernel and V8. */
const CAP_MIB = 24;
const CATCH_UP_LIMIT_MS = 60_000;
/** About 4 KB in UTF-8: at full load the messages of the pause exceed all buffers on the way. */
const FILLER = "마당 ".repeat(600);
const SPEAKERS = 4;

export const slowReader: Scenario = {
  name: "slow-reader",
  summary:
    "a member stops reading for 30 s at full load: memory and the other members are unaffected, and it catches up",
  run: (settings) =>
    trial(
      "slow-reader",
      settings,
      { world: { edges: 1 }, crowd: { sdkClients: 2, rawClients: 3, rooms: 1 } },
      async ({ world, crowd, fault, note, violation }) => {
        const edge = world.edges[0]!;
        const room = crowd.rooms[0]!;
        const forMs = settings.brief ? BRIEF_MS : STOPPED_MS;
        await crowd.stopTalking();
        const speakers = await Promise.all(
          Array.from({ length: SPEAKERS }, (_, i) => crowd.add(`speaker-${i + 1}`, edge.url)),
        );
        const latencies = new Latencies();
        const stop = new AbortController();
        const flow = speakers.map(async (speaker) => {
          while (!stop.signal.aborted) {
            const startedAt = performance.now();
            await speaker.say(room, FILLER);
            latencies.add(performance.now() - startedAt);
          }
        });
        const measure = async () => {
          const samples: number[] = [];
          for (const until = performance.now() + forMs; performance.now() < until; await delay(250)) {
            samples.push(residentMiB(edge));
          }
          // Garbage makes resident memory vary by tens of MiB, so take the median.
          const memory = samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
          return { memory, latencies: latencies.take() };
        };
        // The first round fills the ring and V8's heap. The second one is the base.
        await measure();
        const base = await measure();
        const [slow] = crowd.raw;
        fault("one member stops reading");
        slow!.stopReading(true);
        const during = await measure();
        slow!.stopReading(false);
        const fast = crowd.raw[1]!.views[0]!;
        const complete = await within(CATCH_UP_LIMIT_MS, () => slow!.views[0]!.position === fast.position);
        stop.abort();
        await Promise.all(flow);
        if (!complete) violation("the slow reader did not catch up");
        const grown = during.memory - base.memory;
        note(`${during.latencies.count} messages of 4 KB during the pause`);
        note(`edge memory (median) ${base.memory.toFixed(0)} → ${during.memory.toFixed(0)} MiB`);
        const [before, after] = [base.latencies.quantile(0.99), during.latencies.quantile(0.99)];
        note(`publish p99 of the others ${before.toFixed(1)} → ${after.toFixed(1)} ms`);
        if (!settings.brief && grown > CAP_MIB) violation(`edge memory grew by ${grown.toFixed(0)} MiB`);
      },
    ),
};
