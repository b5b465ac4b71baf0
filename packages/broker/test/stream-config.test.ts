import { natsConnection, natsFor } from "@madang/test-kit";
import type { JetStreamManager } from "@nats-io/jetstream";
import t from "tap";
import { DEFAULT_LOG_SETTINGS } from "../src/index.ts";
import { ensureStream, renewEpoch } from "../src/stream-config.ts";

/** The manager of a replicated log whose server reports an old state a given number of times. No real cluster does so on command. */
function behind(jsm: JetStreamManager, lastSeq: number, times: number): JetStreamManager {
  let left = times;
  const info: JetStreamManager["streams"]["info"] = async (name) => {
    const now = await jsm.streams.info(name);
    const state = left-- > 0 ? { ...now.state, last_seq: lastSeq } : now.state;
    return {
      ...now,
      state,
      cluster: { replicas: [{ name: "another", current: true, offline: false, active: 0, lag: 0 }] },
    };
  };
  const streams = { info, update: jsm.streams.update.bind(jsm.streams) };
  return { streams } as unknown as JetStreamManager;
}

t.test("an outdated report of a former leader gives the log no new epoch", async (t) => {
  const nats = await natsFor(t);
  const { jsm } = await natsConnection(t, nats);
  const { epoch } = await ensureStream(jsm, DEFAULT_LOG_SETTINGS);
  for (let i = 0; i < 3; i++) await jsm.jetstream().publish("chat.log.00.a", "x");
  const reached = { epoch, seq: 3 };
  t.equal(await renewEpoch(behind(jsm, 1, 1), DEFAULT_LOG_SETTINGS, reached), undefined);
  t.equal((await ensureStream(jsm, DEFAULT_LOG_SETTINGS)).epoch, epoch);
  t.equal(
    await renewEpoch(behind(jsm, 1, 2), DEFAULT_LOG_SETTINGS, reached),
    epoch,
    "which one does that says so twice",
  );
  t.not((await ensureStream(jsm, DEFAULT_LOG_SETTINGS)).epoch, epoch);
});
