import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startNats } from "@madang/local-stack";
import type { NatsConnection } from "@nats-io/transport-node";
import t, { type Test } from "tap";
import { connectNats } from "../src/connect.ts";
import { subscribeLean } from "../src/lean-subscription.ts";

const SOON_MS = 10_000;
/** Of an edge's heap, for one subscription with its subject; the library's own takes some 3000. */
const MAX_BYTES = 500;

async function system(t: Test, configText?: string) {
  const nats = await startNats(configText === undefined ? {} : { configText });
  t.teardown(() => nats.stop());
  const nc = await connectNats({ url: nats.url, name: "test" });
  t.teardown(() => nc.close());
  const restart = async () => {
    const back = (async () => {
      for await (const { type } of nc.status()) if (type === "reconnect") return;
    })();
    await nats.restart();
    await back;
  };
  return { nc, restart };
}

/** What a subscription hears. */
function listen(nc: NatsConnection, subject: string) {
  const heard: string[] = [];
  const subscription = subscribeLean(nc, subject, (msg) => heard.push(msg.string()));
  const hears = async (text: string): Promise<boolean> => {
    for (const end = performance.now() + SOON_MS; !heard.includes(text) && performance.now() < end; ) await delay(5);
    return heard.includes(text);
  };
  return { heard, hears, subscription };
}

/** As of a library that has another inside. */
const publicOnly = (nc: NatsConnection) => ({ subscribe: nc.subscribe.bind(nc) }) as unknown as NatsConnection;

for (const [way, of] of [
  ["its own", (nc: NatsConnection) => nc],
  ["the public", publicOnly],
] as const) {
  t.test(`hears until it is ended, also after a reconnect (${way} way)`, async (t) => {
    const { nc, restart } = await system(t);
    const { heard, hears, subscription } = listen(of(nc), "a");
    const other = listen(of(nc), "b");
    nc.publish("a", "one");
    t.ok(await hears("one"));
    await restart();
    nc.publish("a", "two");
    t.ok(await hears("two"), "after a reconnect");
    subscription.unsubscribe();
    subscription.unsubscribe();
    nc.publish("a", "three");
    nc.publish("b", "four");
    t.ok(await other.hears("four"), "the others go on");
    t.strictSame(heard, ["one", "two"], "each once, and nothing after the end");
    await nc.close();
    other.subscription.unsubscribe();
  });
}

t.test("one that the server refuses is over, and its error is nobody's message", async (t) => {
  const { nc } = await system(
    t,
    "authorization { users: [{ user: all, password: all, permissions: { subscribe: { deny: secret } } }] }\nno_auth_user: all",
  );
  const refused = listen(nc, "secret");
  const other = listen(nc, "open");
  await nc.flush();
  nc.publish("open", "one");
  t.ok(await other.hears("one"));
  t.strictSame(refused.heard, []);
  refused.subscription.unsubscribe();
  nc.publish("open", "two");
  t.ok(await other.hears("two"));
});

t.test("takes a fraction of the library's memory", async (t) => {
  const { nc } = await system(t);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const count = 5000;
  const kept: unknown[] = [];
  const before = heap();
  for (let i = 0; i < count; i++) kept.push(subscribeLean(nc, `room.${i}`, () => {}));
  await nc.flush();
  const bytes = (heap() - before) / count;
  t.comment(`${Math.round(bytes)} bytes each`);
  t.ok(bytes < MAX_BYTES, "so it is not the library's own");
  t.equal(kept.length, count);
});
