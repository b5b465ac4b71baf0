/** Direct gets with a simulated connection: no real server lets seconds pass between two answers. */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import t, { type Test } from "tap";
import { DirectGet } from "../src/direct-get.ts";

/** Timers that the test runs. */
function timers(t: Test): (ms: number) => void {
  let now = 0;
  const waiting = new Set<{ at: number; run: () => void }>();
  const set = (run: () => void, ms: number) => {
    const timer = {
      at: now + ms,
      run,
      refresh: () => {
        timer.at = now + ms;
      },
    };
    waiting.add(timer);
    return timer;
  };
  t.intercept(globalThis, "setTimeout", { value: set as unknown as typeof setTimeout });
  t.intercept(globalThis, "clearTimeout", { value: ((timer: never) => void waiting.delete(timer)) as never });
  return (ms) => {
    now += ms;
    for (const timer of [...waiting]) if (timer.at <= now && waiting.delete(timer)) timer.run();
  };
}

function start(t: Test) {
  const pass = timers(t);
  const asked: string[] = [];
  let onAnswer: (error: null, msg: Msg) => void = () => {};
  const nc = {
    info: {},
    subscribe(_subject: string, { callback }: { callback: typeof onAnswer }) {
      onAnswer = callback;
      return { unsubscribe: () => {} };
    },
    publish(_subject: string, _query: string, { reply }: { reply: string }) {
      asked.push(reply);
    },
  } as unknown as NatsConnection;
  const direct = new DirectGet(nc);
  t.teardown(() => direct.close());
  const answer = (head: string) => {
    const bytes = Buffer.from(head);
    const data = new Uint8Array();
    onAnswer(null, { subject: asked.at(-1)!, data, _msg: { hdr: bytes.length }, _rdata: bytes } as unknown as Msg);
  };
  const record = (seq: number) => answer(`NATS/1.0\r\nNats-Subject: a\r\nNats-Sequence: ${seq}\r\n\r\n`);
  return { direct, answer, record, pass };
}

t.test("a slow batch succeeds as long as a record arrives every five seconds", async (t) => {
  const { direct, answer, record, pass } = start(t);
  const batch = direct.next("a", 1, 10, 1000);
  for (const seq of [1, 2, 3]) {
    pass(4000);
    record(seq);
  }
  pass(4000);
  answer("NATS/1.0 204 EOB\r\n\r\n");
  t.same(
    (await batch).map(({ seq }) => seq),
    [1, 2, 3],
  );
});

t.test("an incomplete batch fails, and late records of it are ignored", async (t) => {
  const { direct, record, pass } = start(t);
  const batch = direct.next("a", 1, 10, 1000);
  record(1);
  pass(5000);
  await t.rejects(batch, { code: "log_unavailable" });
  record(2);
});

t.test("the loss of the connection fails all requests at once, and new ones until it is back", async (t) => {
  const { direct, answer } = start(t);
  const batch = direct.next("a", 1, 10, 1000);
  direct.onDisconnect();
  await t.rejects(batch, { code: "log_unavailable" });
  await t.rejects(direct.next("a", 1, 10, 1000), { code: "log_unavailable" });
  direct.onReconnect();
  const again = direct.next("a", 1, 10, 1000);
  answer("NATS/1.0 404 No Messages\r\n\r\n");
  t.same(await again, []);
});
