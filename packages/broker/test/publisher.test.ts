/** A publisher with a simulated connection: a real one cannot be lost between two steps of one turn. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { eventually } from "@madang/test-kit";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import t, { type Test } from "tap";
import type { SubjectRecord } from "../src/direct-get.ts";
import { Publisher } from "../src/publisher.ts";

interface Published {
  readonly id: string;
  readonly reply: string;
  readonly headers: string;
  readonly data: Uint8Array;
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
    publish(_subject: string, data: Uint8Array, options: { headers: { encode(): Buffer }; reply: string }) {
      const headers = options.headers.encode().toString();
      published.push({ id: /Nats-Msg-Id: (\S+)/.exec(headers)![1]!, reply: options.reply, headers, data });
    },
  } as unknown as NatsConnection;
  let epoch = "e";
  const checks: string[] = [];
  let at: (seq: number) => Promise<SubjectRecord | undefined> = async () => undefined;
  const publisher = new Publisher(nc, {
    epoch: () => epoch,
    check: async () => {
      checks.push(epoch);
      return epoch;
    },
    at: (seq) => at(seq),
  });
  t.teardown(() => publisher.close());
  const lane = publisher.lane("s", "sender");
  const answers: string[] = [];
  const say = (id: string, text = id) =>
    lane.publish(id, Buffer.from(JSON.stringify({ user: "ann", message: text }))).then(
      ({ seq, duplicate }) => answers.push(`${id} ${seq}${duplicate ? " duplicate" : ""}`),
      ({ code }: { code: string }) => answers.push(`${id} ${code}`),
    );
  const store = async (seq: number, duplicate = false) => {
    const subject = published.at(-1)!.reply;
    onAck(null, { subject, data: new Uint8Array(1), json: () => ({ seq, duplicate }) } as unknown as Msg);
    await nextTurn();
  };
  const renew = (next: string) => {
    epoch = next;
    publisher.onEpoch();
  };
  const keep = (answer: typeof at) => {
    at = answer;
  };
  return {
    keep,
    published,
    publisher,
    lane,
    say,
    store,
    renew,
    checks,
    answers,
    ids: () => published.map(({ id }) => id),
  };
}

t.test("the messages of a turn are sent at its end", async (t) => {
  const { say, store, answers, ids } = start(t);
  void say("a");
  void say("b");
  t.same(ids(), []);
  await nextTurn();
  t.same(ids(), ["a", "b"]);
  await store(7);
  t.same(answers, ["b 7"]);
});

t.test("F3: a sender that comes back gets its busy lane, and no other sender does", async (t) => {
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

t.test("F3: messages of a turn do not overtake those that were lost with the connection", async (t) => {
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

t.test("a message that is repeated within a turn is sent once", async (t) => {
  const { publisher, say, ids } = start(t);
  void say("a");
  publisher.onDisconnect();
  publisher.onReconnect();
  await nextTurn();
  t.same(ids(), ["a"]);
});

t.test("a message that is abandoned within its turn is not sent", async (t) => {
  const { publisher, say, answers, ids } = start(t);
  void say("a");
  publisher.close();
  await nextTurn();
  t.same([ids(), answers], [[], ["a log_unavailable"]]);
});

/** A publish as the log stores it. */
const record = (seq: number, { headers, data }: Pick<Published, "headers" | "data">) => ({
  seq,
  subject: "s",
  headers,
  data,
});
const lost = (publisher: Publisher) => {
  publisher.onDisconnect();
  publisher.onReconnect();
  return nextTurn();
};

t.test("F3: a duplicate is the send of another call, and not a repeat of a call that the log had stored", async (t) => {
  const { keep, published, publisher, say, store, answers } = start(t);
  void say("a");
  await nextTurn();
  keep(async (seq) => record(seq, { ...published[0]!, headers: "NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n" }));
  await store(7, true);
  void say("b");
  await nextTurn();
  await lost(publisher);
  keep(async (seq) => record(seq, published.at(-2)!));
  await store(8, true);
  void say("c");
  await nextTurn();
  await lost(publisher);
  keep(async (seq) => record(seq, { ...published.at(-1)!, headers: "NATS/1.0\r\nMadang-Send: another\r\n\r\n" }));
  await store(9, true);
  t.same(answers, ["a 7 duplicate", "b 8", "c 9 duplicate"]);
});

t.test("F3: the id of an event with another content is a conflict, also for a repeat", async (t) => {
  const { keep, published, publisher, say, store, answers, ids } = start(t);
  void say("a", "other");
  await nextTurn();
  await lost(publisher);
  keep(async (seq) => record(seq, { headers: "", data: Buffer.from(`{"user":"ann","message":"a"}`) }));
  await store(7, true);
  void say("b");
  await nextTurn();
  keep(async (seq) => record(seq, { headers: "", data: Buffer.from(`{"user":"ben","message":"b"}`) }));
  await store(8, true);
  void say("c");
  await nextTurn();
  keep(async (seq) => record(seq + 1, published.at(-1)!));
  await store(9, true);
  t.same(answers, ["a conflict", "b conflict", "c conflict"], "the last one's event is known only to be gone");
  t.same(ids(), ["a", "a", "b", "c"]);
});

t.test("F3: while the stored event cannot be read, the publish is repeated", async (t) => {
  const { keep, published, say, store, answers, ids } = start(t);
  void say("a");
  await nextTurn();
  await store(7, true);
  await eventually(() => ids().length === 2);
  keep(async () => {
    throw new Error("the log cannot be asked");
  });
  await store(7, true);
  await eventually(() => ids().length === 3);
  t.same(answers, []);
  keep(async (seq) => record(seq, published[0]!));
  await store(7, true);
  t.same(answers, ["a 7"]);
});

t.test("F3: a late finding about an abandoned attempt is ignored", async (t) => {
  const { keep, publisher, published, say, store, answers, ids } = start(t);
  void say("a");
  await nextTurn();
  const found = Promise.withResolvers<SubjectRecord>();
  keep(() => found.promise);
  await store(7, true);
  await lost(publisher);
  found.resolve(record(7, { headers: "", data: published[0]!.data }));
  await nextTurn();
  t.same([ids(), answers], [["a", "a"], []]);
  await store(8);
  t.same(answers, ["a 8"]);
});

t.test("a repeated sequence causes a check of the log's epoch, unless a new epoch is known", async (t) => {
  const { publisher, say, store, renew, checks, answers } = start(t);
  const stored = async (id: string, seq: number) => {
    void say(id);
    await nextTurn();
    await store(seq);
  };
  await stored("a", 7);
  t.same([publisher.highSeq, checks.length], [7, 0]);
  await stored("b", 7);
  await nextTurn();
  t.same([checks.length, answers], [1, ["a 7", "b 7"]], "and the acknowledgement waits for the check");
  renew("f");
  t.equal(publisher.highSeq, 0);
  await stored("c", 1);
  t.same([publisher.highSeq, checks.length], [1, 1]);
});
