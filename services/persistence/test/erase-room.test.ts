import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import { logSubject } from "../../../packages/broker/src/subjects.ts";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";
import { type Frame, jobsDone, logText, member, projected, SECRET, say } from "./erasure-support.ts";
import { message } from "./support.ts";

t.test("a deleted room is gone, and its name can be used again", async (t) => {
  const system = await adminSystem(t);
  const { persistence, publisher } = system;
  const edge = await system.start("edge", { PERSISTENCE_URL: persistence.url });
  await say(system, 30);
  for (const room of ["room 0", "room 1"]) await publisher.raw(logSubject(room), `{"type":"mystery","room":"${room}"}`);
  await projected(system, 60);
  await eventually("dead letters", async () => (await system.inside.dump("dead_letters")).length === 2);
  const inside = await member(t, edge, { room: "room 0" });
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  await clicker.submit("/admin/room/delete", { room: "room 0", confirm: "room 0" });
  await eventually("the member is told", () => inside.some((frame) => frame.code === "room_deleted"));
  await jobsDone(system);
  t.equal((await fetch(`${persistence.url}/v1/rooms/room%200`)).status, 404);
  const history = await fetch(`${persistence.url}/v1/rooms/room%200/messages`);
  t.match(await history.json(), { messages: [] });
  t.match((await logText(system)).match(/.*"room":"room 0".*/g), [/"cleared":true/], "only its deletion is left");
  t.equal((await fetch(`${persistence.url}/v1/rooms/room%200`)).status, 404, "which does not create it");
  const letters = (await system.inside.dump("dead_letters")).map(({ subject }) => subject);
  t.strictSame(letters, [logSubject("room 1")], "only the dead letters of the room are gone");
  t.equal((await fetch(`${persistence.url}/v1/rooms/room%201/messages`)).status, 200);
  await publisher.publish(message("room 0", "anew"));
  await eventually("a new room of that name has history", async () => {
    const answer = await fetch(`${persistence.url}/v1/rooms/room%200/messages`);
    return answer.ok && ((await answer.json()) as { messages: Frame[] }).messages.length === 1;
  });
  const again = await member(t, edge, { room: "room 0", after: `${publisher.epoch}.0` });
  t.strictSame(
    again.filter((frame) => frame.type === "message").map((frame) => frame.message),
    ["anew"],
  );
});

t.test("a deletion reaches those who are there, who were away, and who come back to a new room", async (t) => {
  const system = await adminSystem(t);
  const { persistence, publisher } = system;
  const edges = [
    await system.start("edge", { PERSISTENCE_URL: persistence.url }),
    await system.start("edge", { PERSISTENCE_URL: persistence.url }),
  ] as const;
  await say(system, 6);
  await projected(system, 12);
  const before = await Promise.all(
    edges.map((edge) => member(t, edge, { room: "room 0", after: `${publisher.epoch}.0` })),
  );
  const seqs = before[0]!.filter(({ type }) => type === "message").map(({ seq }) => seq as number);
  t.equal(seqs.length, 4);
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  const resumes = async (recovered: boolean, texts: string[], from = seqs) => {
    for (const seq of from) {
      for (const edge of edges) {
        const frames = await member(t, edge, { room: "room 0", after: `${publisher.epoch}.${seq}` });
        const joined = frames.find(({ type }) => type === "joined");
        t.match(joined, { recovered }, `from ${seq}`);
        if (recovered)
          t.same(
            frames.filter(({ type }) => type === "message").map(({ message }) => message),
            texts,
          );
        else t.notOk(frames.some(({ message }) => message?.includes(SECRET)));
      }
    }
  };
  await resumes(true, [], [seqs.at(-1)!]);
  await clicker.submit("/admin/room/delete", { room: "room 0", confirm: "room 0" });
  for (const frames of before) {
    await eventually("the member is told", () => frames.some(({ code }) => code === "room_deleted"));
  }
  await jobsDone(system);
  await resumes(false, []);
  const page = async () => (await (await fetch(`${persistence.url}/v1/rooms/room%200/messages`)).json()) as Frame;
  const { position } = await page();
  await publisher.publish(message("room 0", "anew"));
  await resumes(false, []);
  await resumes(true, ["anew"], [Number(position.split(".")[1])]);
});

t.test("messages older than their room's retention are removed", async (t) => {
  const system = await adminSystem(t);
  const old = new Date(Date.now() - 9 * 24 * 3600_000).toISOString();
  for (const room of ["short", "long"]) {
    await system.publisher.publish({ ...message(room, "old"), at: old } as never);
    await system.publisher.publish(message(room, "new"));
  }
  await projected(system, 4);
  const clicker = new Clicker(system.persistence.url);
  await clicker.login();
  await clicker.submit("/admin/room", { room: "short", topic: "", status: "0", slowModeS: "0", retentionDays: "8" });
  const count = () => system.inside.db.collection("messages").countDocuments();
  await eventually("removed at once", async () => (await count()) === 3);
  t.match(
    (await system.inside.dump("messages")).map(({ room, message }) => `${room} ${message}`),
    ["long old", "long new", "short new"],
  );
  await system.publisher.publish({ ...message("short", "older still"), at: old } as never);
  await projected(system, 4);
  await system.persistence.restart();
  await eventually("removed after a restart", async () => (await count()) === 3);
});

t.test("the command exports and erases a person", async (t) => {
  const system = await adminSystem(t);
  for (const [userId, text] of [
    ["u-1", "mine"],
    ["u-2", "not mine"],
  ] as const) {
    await system.publisher.publish({ ...message("r", text), userId } as never);
  }
  await projected(system, 2);
  const entry = fileURLToPath(new URL("../src/admin-cli.ts", import.meta.url));
  const command = (...args: string[]) =>
    promisify(execFile)(process.execPath, [entry, ...args], { env: { ...process.env, ...system.env } });
  const clicker = new Clicker(system.persistence.url);
  await clicker.login();
  for (const [userId, act, reason] of [
    ["u-1", "mute", "for shouting"],
    ["u-2", "ban", "private"],
  ] as const) {
    await clicker.submit("/admin/people", { act, user: "kim", userId, reason });
  }
  const { stdout } = await command("export", "--user-id", "u-1");
  t.strictSame(stdout.trim().split("\n").length, 2);
  t.match(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
    [
      { kind: "member", userId: "u-1", mute: { reason: "for shouting" } },
      { kind: "message", message: "mine", userId: "u-1" },
    ],
  );
  t.match((await command("erase", "--user-id", "u-1")).stderr, /Done\.\n$/);
  t.notMatch((await command("export", "--user-id", "u-1")).stdout, /"kind":"message"/);
  for (let i = 0; i < 300; i++) {
    await system.publisher.publish({ ...message("r", "x".repeat(3000)), userId: "u-3" } as never);
  }
  await projected(system, 302);
  const env = { ...process.env, ...system.env, ENTRY: entry, NODE: process.execPath };
  const line = 'set -o pipefail; "$NODE" "$ENTRY" export --user-id u-3 | head -n 1';
  const cut = await promisify(execFile)("bash", ["-c", line], { env });
  t.match(cut, { stdout: /^\{.*\}\n$/, stderr: "" }, "a reader may close the pipe early");
  t.match((await command("export", "--user-id", "u-2")).stdout, /"not mine"/);
});
