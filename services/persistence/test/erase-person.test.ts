import t from "tap";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";
import { type Frame, jobsDone, logText, member, NAME, projected, SECRET, say, storeText } from "./erasure-support.ts";
import { message } from "./support.ts";

t.test(
  "an erasure removes a person from the log, the store and the edges, and leaves other users' messages",
  async (t) => {
    const system = await adminSystem(t);
    const { persistence, publisher } = system;
    const edge = await system.start("edge", { PERSISTENCE_URL: persistence.url });
    const there = await member(t, edge, { room: "room 0" });
    await say(system, 30);
    const at = new Date().toISOString();
    await publisher.publish({ type: "edit", room: "room 0", user: NAME, target: 1, message: `${SECRET} edited`, at });
    await publisher.raw("chat.log.00.broken", JSON.stringify({ type: "mystery", user: NAME, message: SECRET }));
    await projected(system, 60);
    await eventually("the member has them", () => there.filter((frame) => frame.user === NAME).length >= 11);
    const clicker = new Clicker(persistence.url);
    await clicker.login();

    await clicker.submit("/admin/people", { act: "mute", user: NAME, room: "room 1", reason: "before" });
    const csrf = /name="csrf" value="([^"]+)"/.exec(await clicker.page("/admin/people"))![1]!;
    const exported = await (await clicker.post("/admin/people/export", { csrf, user: NAME })).text();
    const lines = exported
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    t.equal(lines.filter(({ kind }) => kind === "message").length, 30, "the export has every message");
    t.match(lines[0], { kind: "member", mute: { reason: "before" } });

    await t.rejects(clicker.submit("/admin/people/erase", { user: NAME, confirm: "another" }), /: 400 /);
    await clicker.submit("/admin/people/erase", { user: NAME, confirm: NAME });
    await jobsDone(system);
    const log = await logText(system);
    t.notOk(log.includes(SECRET), "the log has none of the texts");
    t.equal(log.match(/of another user/g)?.length, 30);
    await eventually("the announcements are projected", async () => !(await storeText(system)).includes(SECRET));
    const store = await storeText(system);
    t.notOk(store.includes(NAME), "the store does not contain the name");
    t.notOk(persistence.output().includes(SECRET) || edge.output().includes(SECRET), "no process has logged the texts");
    t.equal(store.match(/"of another user/g)?.length, 30);
    await eventually(
      "members get a delete event for each message",
      () => there.filter((frame) => frame.type === "delete" && frame.erased === true).length === 10,
    );
    const again = await member(t, edge, { room: "room 0", after: `${publisher.epoch}.0` });
    t.equal(
      again.filter((frame) => frame.user === NAME).length,
      0,
      "a member that joins from the beginning gets none of the messages",
    );
    t.equal(again.filter((frame) => frame.message?.startsWith("of another user")).length, 10);
    const page = (await (await fetch(`${persistence.url}/v1/rooms/room%200/messages`)).json()) as { messages: Frame[] };
    t.equal(
      page.messages.filter(({ user, message, deleted }) => user === "[erased]" && message === "" && deleted).length,
      10,
    );
  },
);

t.test("an erasure that kill -9 interrupts is completed after the restart", async (t) => {
  const system = await adminSystem(t, { LOG_LEVEL: "warn" });
  const { persistence } = system;
  await say(system, 400);
  await projected(system, 800);
  for (let round = 0; round < 2; round++) {
    const name = `${NAME} ${round}`;
    for (let i = 0; i < 300; i++) {
      const text = `a secret of round ${round}, ${i}`;
      await system.publisher.publish({ ...message("r", text), user: name } as never);
    }
    await projected(system, 800 + (round + 1) * 300);
    const clicker = new Clicker(persistence.url);
    await clicker.login();
    await clicker.submit("/admin/people/erase", { user: name, confirm: name });
    const log = async () => (await system.publisher.jsm.streams.info("CHAT")).state;
    const { messages } = await log();
    const half = async () =>
      round === 0
        ? (await system.inside.dump("jobs")).some(({ upTo }) => upTo !== undefined)
        : (await log()).messages !== messages;
    await eventually("the erasure is in progress", half);
    await persistence.kill("SIGKILL");
    t.ok(
      (await system.inside.dump("jobs")).some(({ done }) => !done),
      "the job was not done",
    );
    await persistence.restart();
    await jobsDone(system);
    const store = async () => (await storeText(system)).includes(`a secret of round ${round}`);
    await eventually("the store is erased", async () => !(await store()));
    const text = await logText(system);
    t.notOk(text.includes(`a secret of round ${round}`), "the log is erased");
    t.equal(text.match(/of another user/g)?.length, 400, "other users' messages remain");
  }
});
