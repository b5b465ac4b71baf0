import { natsConnection, natsFor } from "@madang/test-kit";
import { DiscardPolicy, PersistMode, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import t from "tap";
import { DEFAULT_LOG_SETTINGS, openLog } from "../src/index.ts";

const S = 1e9;

t.test("a log with unsafe settings is refused by their names, and all other settings are accepted", async (t) => {
  const nats = await natsFor(t);
  const { jsm } = await natsConnection(t, nats);
  const open = async () => {
    const log = openLog({ url: nats.url, name: "test" }, DEFAULT_LOG_SETTINGS);
    await log.ready.finally(() => log.close(0));
  };
  await open();
  const { config } = await jsm.streams.info("CHAT");
  const made = async (change: object) => {
    await jsm.streams.delete("CHAT").catch(() => {});
    await jsm.streams.add({ ...config, ...change });
  };

  for (const change of [
    { discard: DiscardPolicy.Old },
    { max_msgs_per_subject: 10 },
    { deny_purge: false },
    { deny_delete: true },
    { allow_direct: false },
    { retention: RetentionPolicy.Workqueue },
    { storage: StorageType.Memory },
    { persist_mode: PersistMode.Async },
    { no_ack: true },
    { subjects: ["chat.log.0.*"] },
    {
      subject_transform: { src: "chat.log.*.*", dest: "other.{{wildcard(1)}}.{{wildcard(2)}}" },
      republish: undefined,
    },
    { republish: undefined },
    { republish: { ...config.republish, headers_only: true } },
    { sources: [{ name: "OTHER" }] },
    { duplicate_window: 100 * S },
  ]) {
    await made(change);
    const [name] = Object.keys(change);
    await t.rejects(open(), { name: "UnsafeLogError", message: new RegExp(`[:;] ${name}.* (is|must) `) }, name!);
  }
  await made({});
  await jsm.streams.update("CHAT", { ...config, sealed: true } as never);
  await t.rejects(open(), { message: /sealed is true, and must be false/ });
  await made({ max_msgs: 99, max_bytes: 2 ** 20, max_age: 3600 * S, duplicate_window: 300 * S, description: "ours" });
  await t.resolves(open());

  const log = openLog({ url: nats.url, name: "test" }, DEFAULT_LOG_SETTINGS);

  await log.ready;
  t.teardown(() => log.close(0));
  t.same(log.unsafeSettings, []);
  await jsm.streams.update("CHAT", { max_msgs_per_subject: 5 });
  await log.checkEpoch();
  t.same(log.unsafeSettings, ["max_msgs_per_subject is 5, and must be -1"], "seen while it runs");
});
