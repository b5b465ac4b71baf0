import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { type Scenario, type Trial, trial } from "../trial.ts";

const MAX_ROUNDS = 4;
const TAIL = 5;
const COMPLETE_LIMIT_MS = 30_000;
/** The bytes that NATS queues for a connection before it closes it, in addition to the kernel's buffers. */
const MAX_PENDING_BYTES = 1024 * 1024;
const BIG_TEXT = "마당".repeat(1900);
const BIG_TEXTS = 700;

export const lostTail: Scenario = {
  name: "lost-tail",
  summary:
    "the last live events do not reach an edge, followed by silence; NATS disconnects an edge as a slow consumer",
  run: (settings) =>
    trial(
      "lost-tail",
      settings,
      { world: { proxied: true, natsConfig: `max_pending: ${MAX_PENDING_BYTES}\nwrite_deadline: "1s"` } },
      async (trial) => {
        const { crowd, world } = trial;
        const elsewhere = await crowd.add("tail-1", world.edges[1]!.url);
        await delay(2000);
        await crowd.stopTalking();
        if (!(await crowd.settled())) trial.violation("sends remain unanswered before any fault");
        let slowestMs = 0;
        for (let i = 0; i < (settings.brief ? 1 : Math.min(settings.kills, MAX_ROUNDS)); i++) {
          trial.fault("the last events of all rooms are dropped on their way to edge-1");
          world.proxy!.cut({ towardsClient: true });
          for (let n = 0; n < TAIL; n++) await Promise.all(crowd.rooms.map((room) => elsewhere.say(room)));
          await delay(200);
          world.proxy!.cut({});
          slowestMs = Math.max(slowestMs, await completed(trial));
        }
        trial.note(`dropped events arrived after ${(slowestMs / 1000).toFixed(1)} s at most`);
        await cutAsSlowConsumer(trial);
      },
    ),
};

/** Halts an edge while more messages are sent than NATS queues for it. */
async function cutAsSlowConsumer(trial: Trial): Promise<void> {
  const { world, crowd } = trial;
  const speaker = await crowd.add("tail-2", world.edges[0]!.url);
  // Not the edge behind the proxy, which reads everything.
  const edge = world.edges[1]!;
  trial.fault("edge-2 is halted until NATS disconnects it as a slow consumer, followed by silence");
  await edge.kill("SIGSTOP");
  for (let n = 0; n < BIG_TEXTS && !/Slow Consumer/i.test(world.nats.output()); n++) {
    await Promise.all(crowd.rooms.map((room) => speaker.say(room, BIG_TEXT)));
  }
  const cut = await within(10_000, () => /Slow Consumer/i.test(world.nats.output()));
  await edge.kill("SIGCONT");
  trial.note(
    `${cut ? "disconnected as a slow consumer" : "NOT disconnected"}, complete after ${((await completed(trial)) / 1000).toFixed(1)} s`,
  );
}

/** Waits until every member has all acknowledged messages. @returns ms */
async function completed({ crowd, violation }: Trial): Promise<number> {
  const startedAt = performance.now();
  const heads = new Map<string, number>();
  for (const { room, seq } of crowd.acked) heads.set(room, Math.max(seq, heads.get(room) ?? 0));
  const complete = await within(COMPLETE_LIMIT_MS, () =>
    crowd.views.every((view) => Number(view.position?.split(".")[1]) >= (heads.get(view.room) ?? 0)),
  );
  if (!complete) violation(`a member lacked messages after ${COMPLETE_LIMIT_MS / 1000} s`);
  return performance.now() - startedAt;
}
