import { SUBPROTOCOL } from "@madang/protocol";
import { WebSocket } from "ws";
import { type adminSystem, eventually } from "./admin-support.ts";
import { message, type Scope } from "./support.ts";

// biome-ignore lint/suspicious/noExplicitAny: frames as they come
export type Frame = any;

/** Joins a room by the full protocol. @returns the frames, as they arrive */
export async function member(t: Scope, edge: { port: number }, join: object) {
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/ws`, [SUBPROTOCOL]);
  const frames: Frame[] = [];
  socket.on("message", (data) => frames.push(JSON.parse(data.toString())));
  socket.on("open", () => socket.send(JSON.stringify({ type: "hello", user: "reader", join: [join] })));
  t.teardown(() => socket.terminate());
  await eventually("caught up", () => frames.some((frame) => frame.type === "caughtUp"));
  return frames;
}

export const NAME = "지우개";
export const SECRET = "a text that must not remain";

export type System = Awaited<ReturnType<typeof adminSystem>>;

/** All events of the log, as text. */
export async function logText({ publisher }: System): Promise<string> {
  const { first_seq, last_seq } = (await publisher.jsm.streams.info("CHAT")).state;
  const seqs = Array.from({ length: last_seq - first_seq + 1 }, (_, i) => first_seq + i);
  const found = await Promise.all(
    seqs.map((seq) => publisher.jsm.streams.getMessage("CHAT", { seq }).catch(() => null)),
  );
  return found.map((record) => (record ? Buffer.from(record.data).toString("utf8") : "")).join("\n");
}

export async function storeText({ inside }: System): Promise<string> {
  const names = (await inside.db.listCollections().toArray()).map(({ name }) => name);
  const dumps = await Promise.all(names.map((name) => inside.dump(name)));
  const letters = (await inside.dump("dead_letters")).map(({ data }) => data.buffer.toString("utf8"));
  return JSON.stringify([dumps, letters]);
}

export async function say(system: System, count: number): Promise<void> {
  const { publisher } = system;
  for (let i = 0; i < count; i++) {
    const room = `room ${i % 3}`;
    await publisher.publish({ ...message(room, `${SECRET} ${i}`, { nonce: `n${i}` }), user: NAME } as never);
    await publisher.publish(message(room, `of another user ${i}`));
  }
}

export const projected = (system: System, count: number) =>
  eventually("projected", async () => (await system.inside.db.collection("messages").countDocuments()) >= count);

export const jobsDone = (system: System) =>
  eventually("erased", async () => (await system.inside.dump("jobs")).every(({ done }) => done));
