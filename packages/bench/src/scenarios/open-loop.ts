import { measureLoad, planFor, type Shape, withLoad } from "../measure.ts";
import type { Measurement } from "../metrics.ts";
import type { Context, Scenario } from "./scenario.ts";

const ROOMS = 20;
const MEMBERS = 50;
/** Messages per second over all rooms. The latency goal is set at 2,000. */
const RATES = [250, 500, 1000, 2000, 4000, 8000, 16_000];
const QUICK_RATES = [2000];
/** A server that delivers less than this share, or later than this, is saturated. Higher rates are then skipped. */
const BEHIND = 0.9;
const LATE_MS = 1000;

function isSaturated({ metrics: { deliveriesPerS = 0, p99Ms = 0 } }: Measurement, rate: number): boolean {
  return deliveriesPerS < rate * MEMBERS * BEHIND || p99Ms > LATE_MS;
}

/** The system is already warm from the rate before. */
const NEXT_WARM_UP_S = 2;

/** Latency against load: messages are sent by the clock, whether or not the server keeps up. */
export const openLoop: Scenario = {
  name: "open",
  title: `${ROOMS} rooms × ${MEMBERS} members, messages at a fixed rate`,
  step: "messages/s sent",
  main: "p99Ms",
  async run(peer, context: Context) {
    const rates = context.quick ? QUICK_RATES : RATES;
    const shape = (rate: number): Partial<Shape> => ({
      groups: ROOMS,
      members: MEMBERS,
      rate,
      roomPrefix: `rate${rate}x`,
    });
    const rooms = rates.flatMap((rate) => Array.from({ length: ROOMS }, (_, i) => `${shape(rate).roomPrefix}${i}`));
    const system = await peer.start({ rooms });
    const measurements: Measurement[] = [];
    try {
      for (const rate of rates) {
        const plan = planFor(peer, system, shape(rate));
        const warmUpS = measurements.length === 0 ? context.warmUpS : Math.min(context.warmUpS, NEXT_WARM_UP_S);
        const measured = await withLoad(plan, (load) => measureLoad(load, system, { ...context, warmUpS }));
        const measurement = { scenario: "open", peer: peer.name, step: rate, ...measured };
        measurements.push(measurement);
        if (isSaturated(measurement, rate)) {
          context.say(`  ${peer.title} is saturated at ${rate} messages/s`);
          break;
        }
      }
    } finally {
      await system.stop();
    }
    return measurements;
  },
};
