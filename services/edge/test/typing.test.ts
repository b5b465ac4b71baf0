/** F4: typing notices reach the other members of a room on every edge, and are not stored. */

import type { MemberRule } from "@madang/protocol";
import { controlFor, eventually, full, logAdminFor, natsConnection, natsFor } from "@madang/test-kit";
import { headers } from "@nats-io/transport-node";
import t from "tap";
import { edgeFor, plainMember } from "./support.ts";

t.test("F4 typing", async (t) => {
  const nats = await natsFor(t);
  const room = "수다방";
  const typing = { type: "typing", room };
  const mine = [room];

  await t.test("a notice reaches the other members on every edge, and is no event of the room", async (t) => {
    const [one, two] = await Promise.all([edgeFor(t, nats), edgeFor(t, nats)]);
    const writer = await full(t, one, "민수", mine);
    const readers = [await full(t, one, "영희", mine), await full(t, two, "철수", mine)];
    const elsewhere = await full(t, two, "다른", ["elsewhere"]);
    const tutorial = await plainMember(t, one, room);
    await Promise.all([writer, ...readers, elsewhere].map((client) => client.next("caughtUp")));
    writer.send(typing);
    for (const reader of readers) t.strictSame(await reader.next("typing"), { type: "typing", room, user: "민수" });
    const { seq } = await writer.say(room, "here it is");
    const late = await full(t, two, "늦은", [{ room, after: `${one.log.epoch}.${seq - 1}` }]);
    await Promise.all([late.next("caughtUp"), tutorial.next("message", { message: "here it is" })]);
    for (const deaf of [writer, elsewhere, tutorial, late]) t.equal(deaf.of("typing").length, 0);
    t.equal((await readers[0]!.next("message")).seq, seq);
  });

  await t.test("notices have their own limit, and need a joined room", async (t) => {
    const edge = await edgeFor(t, nats, { TYPING_LIMIT: "2/60s", SEND_LIMIT: "off" });
    const writer = await full(t, edge, "a", mine);
    writer.send({ type: "typing", room: "elsewhere" });
    t.match(await writer.next("error"), { code: "not_joined", room: "elsewhere", field: "typing" });
    await writer.next("caughtUp");
    for (let i = 0; i < 3; i++) writer.send(typing);
    t.match(await writer.next("error", { code: "rate_limited" }), {
      room,
      field: "typing",
      temporary: true,
    });
    t.equal(writer.of("error").length, 2);
    await writer.say(room, "messages are counted separately");
  });

  await t.test("a muted member cannot send notices", async (t) => {
    const edge = await edgeFor(t, nats, {}, await controlFor(t, nats));
    const logAdmin = await logAdminFor(t, nats);
    const writer = await full(t, edge, "muted", mine);
    await logAdmin.change<MemberRule>({ kind: "member", room, user: "muted" }, (rule) => ({
      ...rule,
      mute: { reason: "loud", at: new Date().toISOString() },
    }));
    await eventually(() => {
      writer.send(typing);
      return writer.of("error").some(({ code }) => code === "muted");
    });
  });

  await t.test("forged data on the NATS subject of notices is no event", async (t) => {
    const edge = await edgeFor(t, nats);
    const reader = await full(t, edge, "a", mine);
    await reader.next("caughtUp");
    const { nc } = await natsConnection(t, nats);
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
    await eventually(() => subjects.length > 0);
    await reader.next("typing");
    const event = { type: "message", room, user: "forger", message: "forged", at: "2026" };
    for (const subject of [subjects[0]!, subjects[0]!.replace("transient", "elsewhere")]) {
      for (const said of [event, { ...typing, user: 7 }, { ...typing, room: token, user: "x" }, "{"]) {
        nc.publish(subject, typeof said === "string" ? said : JSON.stringify(said), { headers: forged });
      }
    }
    await nc.flush();
    await other.say(room, "real");
    await reader.next("message", { message: "real" });
    t.strictSame([reader.of("message").length, reader.of("typing").length], [1, 1]);
  });
});
