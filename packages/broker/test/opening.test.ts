import { freePort } from "@madang/local-stack";
import { eventually, natsFor } from "@madang/test-kit";
import t, { type Test } from "tap";
import { DEFAULT_LOG_SETTINGS, openConsumer, openControl, openLog, openLogAdmin } from "../src/index.ts";

const PROMPTLY_MS = 2000;

/** One of each kind. */
function openAll(t: Test, url: string) {
  const nats = { url, name: "test" };
  const troubles: string[] = [];
  const onFailure = (what: string, error: Error) => troubles.push(`${what}: ${error.message}`);
  const log = openLog(nats, DEFAULT_LOG_SETTINGS, onFailure);
  const consumer = openConsumer({ nats, log: DEFAULT_LOG_SETTINGS, onFailure });
  consumer.start(async () => {});
  const logAdmin = openLogAdmin(nats, DEFAULT_LOG_SETTINGS, onFailure);
  const control = openControl(nats, onFailure);
  const all = { log, consumer, logAdmin, control };
  const close = () => Promise.all([log.close(0), consumer.close(0), logAdmin.close(), control.close()]);
  t.teardown(close);
  return { ...all, all: Object.entries(all), troubles, close };
}

t.test("without NATS all return at once, say why they are not ready, and become ready when it comes", async (t) => {
  const port = await freePort();
  const { log, logAdmin, control, all, troubles } = openAll(t, `nats://127.0.0.1:${port}`);
  for (const [name, { isReady, connected, trouble }] of all) {
    t.match({ isReady, connected, trouble }, { isReady: false, connected: false, trouble: String }, name);
  }
  const unavailable = { code: "log_unavailable" };
  t.throws(() => log.lane("a"), unavailable);
  t.throws(() => log.subscribe("a", () => {}), unavailable);
  await t.rejects(log.heads(["a"]), unavailable);
  await t.rejects(log.replay("a", 1, 1), unavailable);
  await t.rejects(log.checkEpoch(), unavailable);
  await t.rejects(logAdmin.log());
  log.publishTransient("a", Buffer.from("{}"));
  control.gossip.publish("dropped");
  for (const [name, { trouble }] of all) t.match(trouble, /^not connected|^NATS cannot be reached/, name);
  await eventually(() => all.every(([, { trouble }]) => /^NATS cannot be reached \(/.test(trouble!)));
  t.ok(new Set(troubles).size >= 3, "each is reported");

  const nats = await natsFor(t, { port });
  const heard: string[] = [];
  control.gossip.onMessage((message) => heard.push(message));
  await Promise.all(all.map(([, { ready }]) => ready));
  for (const [name, { isReady, connected, trouble }] of all) {
    t.same({ isReady, connected, trouble }, { isReady: true, connected: true, trouble: undefined }, name);
  }
  t.match(await log.lane("a").publish("1", Buffer.from("{}")), { seq: 1, epoch: log.epoch });
  control.gossip.publish("sent");
  await eventually(() => heard.length > 0);
  t.same(heard, ["sent"]);

  await nats.stop();
  await eventually(() => all.every(([, { connected, trouble }]) => !connected && trouble !== undefined));
  t.ok(all.every(([, { isReady }]) => isReady));
});

t.test("closing without NATS ends all dialling at once", async (t) => {
  const { all, close } = openAll(t, `nats://127.0.0.1:${await freePort()}`);
  const begun = performance.now();
  await close();
  await Promise.all(all.map(([, { ready }]) => ready));
  t.ok(performance.now() - begun < PROMPTLY_MS);
  for (const [name, { isReady }] of all) t.notOk(isReady, name);
  await close();
});
