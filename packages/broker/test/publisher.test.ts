/** A publisher alone: its connection is played, since a real one cannot be lost between two steps of one turn. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import t, { type Test } from "tap";
import { Publisher } from "../src/publisher.ts";

interface Published {
  readonly id: string;
  readonly reply: string;
}

function start(t: Test) {
  const published: Published[] = [];
  let onAck: (error: null, msg: Msg) => void = () => {};
  const nc = {
    info: {},
    subscribe(_subject: string, { callback }: { callback: typeof onAck }) {
      onAck = callback;
      return { unsubscribe: () => {} };
    },
    publish(_subject: string, _data: Uint8Array, { headers, reply }: { headers: { encode(): Buffer }; reply: string }) {
      published.push({ id: /Nats-Msg-Id: (\S+)/.exec(headers.encode().toString())![1]!, reply });
    },
  } as unknown as NatsConnection;
  const publisher = new Publisher(nc, { epoch: () => "e", check: async () => "e" });
  t.teardown(() => publisher.close());
  const lane = publisher.lane("s", "sender");
  const answers: string[] = [];
  const say = (id: string) =>
    lane.publish(id, new Uint8Array()).then(
      ({ seq }) => answers.push(`${id} ${seq}`),
      ({ code }: { code: string }) => answers.push(`${id} ${code}`),
    );
  const store = async (seq: number) => {
    const subject = published.at(-1)!.reply;
    onAck(null, { subject, data: new Uint8Array(1), json: () => ({ seq }) } as unknown as Msg);
    await nextTurn();
  };
  return { publisher, lane, published, say, store, answers, ids: () => published.map(({ id }) => id) };
}

t.test("what a turn has brought goes out at its end", async (t) => {
  const { say, store, answers, ids } = start(t);
  void say("a");
  void say("b");
  t.same(ids(), []);
  await nextTurn();
  t.same(ids(), ["a", "b"]);
  await store(7);
  t.same(answers, ["b 7"]);
});

t.test("F3: a sender who comes back finds the lane that is still busy, and nobody else does", async (t) => {
  const { publisher, lane, say, store } = start(t);
  void say("a");
  await nextTurn();
  t.equal(publisher.lane("s", "sender"), lane);
  t.not(publisher.lane("s", "another"), lane);
  t.not(publisher.lane("elsewhere", "sender"), lane);
  t.not(publisher.lane("s"), lane);
  const once = publisher.lane("s");
  const answered = once.publish("b", new Uint8Array());
  t.not(publisher.lane("s"), once, "who says one thing only is nobody's predecessor");
  await nextTurn();
  await store(1);
  await answered;
});

t.test("F3: what a turn has brought does not overtake what was lost with the connection", async (t) => {
  const { publisher, say, store, answers, ids } = start(t);
  void say("a");
  await nextTurn();
  void say("b");
  publisher.onDisconnect();
  await nextTurn();
  t.same(ids(), ["a"], "the library would keep it, and send it first");
  publisher.onReconnect();
  await nextTurn();
  t.same(ids(), ["a", "a"], "the oldest alone");
  await store(1);
  await store(2);
  t.same(
    [ids(), answers],
    [
      ["a", "a", "b"],
      ["a 1", "b 2"],
    ],
  );
});

t.test("what is sent again in the same turn goes out once", async (t) => {
  const { publisher, say, ids } = start(t);
  void say("a");
  publisher.onDisconnect();
  publisher.onReconnect();
  await nextTurn();
  t.same(ids(), ["a"]);
});

t.test("what was given up in the same turn does not go out", async (t) => {
  const { publisher, say, answers, ids } = start(t);
  void say("a");
  publisher.close();
  await nextTurn();
  t.same([ids(), answers], [[], ["a log_unavailable"]]);
});
