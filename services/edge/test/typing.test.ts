/** F4: who is typing is told to the others of the room, on every edge, and kept nowhere. */
import { DEFAULT_LOG_SETTINGS, openControl, openLogAdmin } from "@madang/broker";
import type { MemberRule } from "@madang/protocol";
import { connect, headers } from "@nats-io/transport-node";
import t from "tap";
import { edgeFor, full, natsFor, plain, said, until } from "./support.ts";

t.test("F4 typing", async (t) => {
  const nats = await natsFor(t);
  const room = "수다방";
  const typing = { type: "typing", room };
  const mine = [{ room }];

  await t.test("is told to the others of the room, on every edge, and is no event", async (t) => {
    const [one, two] = await Promise.all([edgeFor(t, nats), edgeFor(t, nats)]);
    const writer = await full(t, one, "민수", mine);
    const readers = [await full(t, one, "영희", mine), await full(t, two, "철수", mine)];
    const elsewhere = await full(t, two, "다른", [{ room: "elsewhere" }]);
    const tutorial = await plain(t, one, room);
    await Promise.all([writer, ...readers, elsewhere].map((client) => client.next("caughtUp")));
    writer.send(typing);
    for (const reader of readers) t.strictSame(await reader.next("typing"), { type: "typing", room, user: "민수" });
    const { seq } = await said(writer, room, "here it is");
    const late = await full(t, two, "늦은", [{ room, after: `${one.log.epoch}.${seq - 1}` }]);
    await Promise.all([late.next("caughtUp"), tutorial.next("message", ({ message }) => message === "here it is")]);
    for (const deaf of [writer, elsewhere, tutorial, late]) t.equal(deaf.of("typing").length, 0);
    t.equal((await readers[0]!.next("message")).seq, seq);
  });

  await t.test("has a limit of its own, and needs a room", async (t) => {
    const edge = await edgeFor(t, nats, { TYPING_LIMIT: "2/60s", SEND_LIMIT: "off" });
    const writer = await full(t, edge, "a", mine);
    writer.send({ type: "typing", room: "elsewhere" });
    t.match(await writer.next("error"), { code: "not_joined", room: "elsewhere", field: "typing" });
    await writer.next("caughtUp");
    for (let i = 0; i < 3; i++) writer.send(typing);
    t.match(await writer.next("error", ({ code }) => code === "rate_limited"), {
      room,
      field: "typing",
      temporary: true,
    });
    t.equal(writer.of("error").length, 2);
    await said(writer, room, "messages are counted apart");
  });

  await t.test("nobody who may say nothing is typing", async (t) => {
    const control = openControl({ url: nats.url, name: "control" });
    await control.ready;
    t.teardown(() => control.close());
    const edge = await edgeFor(t, nats, {}, undefined, control);
    const logAdmin = openLogAdmin({ url: nats.url, name: "log admin" }, DEFAULT_LOG_SETTINGS, () => {});
    t.teardown(() => logAdmin.close());
    await logAdmin.ready;
    const writer = await full(t, edge, "muted", mine);
    await logAdmin.change<MemberRule>({ kind: "member", room, user: "muted" }, (rule) => ({
      ...rule,
      mute: { reason: "loud", at: new Date().toISOString() },
    }));
    await until(() => {
      writer.send(typing);
      return writer.of("error").some(({ code }) => code === "muted");
    });
  });

  await t.test("what comes on its subject is no event, whatever it says it is", async (t) => {
    const edge = await edgeFor(t, nats);
    const reader = await full(t, edge, "a", mine);
    await reader.next("caughtUp");
    const nc = await connect({ servers: nats.url });
    t.teardown(() => nc.close());
    const forged = headers();
    forged.set("Nats-Sequence", "999999");
    forged.set("Nats-Last-Sequence", "0");
    const token = Buffer.from(room).toString("hex");
    const subjects: string[] = [];
    nc.subscribe("chat.transient.*", { callback: (_error, { subject }) => void subjects.push(subject) });
    await nc.flush();
    const other = await full(t, edge, "b", mine);
    await other.next("caughtUp");
    other.send(typing);
    await until(() => subjects.length > 0);
    await reader.next("typing");
    const event = { type: "message", room, user: "forger", message: "forged", at: "2026" };
    for (const subject of [subjects[0]!, subjects[0]!.replace("transient", "elsewhere")]) {
      for (const said of [event, { ...typing, user: 7 }, { ...typing, room: token, user: "x" }, "{"]) {
        nc.publish(subject, typeof said === "string" ? said : JSON.stringify(said), { headers: forged });
      }
    }
    await nc.flush();
    await said(other, room, "real");
    await reader.next("message", ({ message }) => message === "real");
    t.strictSame([reader.of("message").length, reader.of("typing").length], [1, 1]);
  });
});
