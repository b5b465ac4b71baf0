import { type Child, startNats, startService } from "@madang/local-stack";
import t from "tap";
import { full } from "./support.ts";

t.test("an edge leaves within its time when the log is away and owes answers", async (t) => {
  const started: Child[] = [];
  t.teardown(async () => {
    for (const child of started.reverse()) await child.stop();
  });
  const nats = await startNats();
  started.push(nats);
  // With no time for sending clients away, all there is is that for closing.
  const env = { NATS_URL: nats.url, PERSISTENCE_URL: "http://127.0.0.1:1", DRAIN_MS: "0", LOG_LEVEL: "info" };
  const edge = await startService("edge", { name: "edge", env });
  started.push(edge);
  const rooms = ["r", "left", "again"];
  const client = await full(
    t,
    edge,
    "u",
    rooms.map((room) => ({ room })),
  );
  for (const room of rooms) await client.next("caughtUp", (frame) => frame.room === room);
  await nats.kill("SIGSTOP");
  client.send({ type: "message", room: "r", message: "m", nonce: "n" });
  // Neither a leave nor a new join answers what was said before.
  for (const [room, type] of [
    ["left", "leave"],
    ["again", "join"],
  ]) {
    client.send({ type: "message", room, message: "m", nonce: room });
    client.send({ type, room });
  }
  client.send({ type: "join", room: "nowhere", after: "x" });
  await client.next("error");
  await edge.kill("SIGTERM");
  t.notMatch(edge.output(), "killed by timeout");
  t.match(client.of("drain").length, 1);
  const answers = client.of("error").slice(1);
  t.same(new Set(answers.map(({ room, nonce }) => `${room} ${nonce}`)), new Set(["r n", "left left", "again again"]));
  for (const answer of answers) t.match(answer, { code: "log_unavailable", temporary: true });
  t.equal(client.frames.at(-1).type, "drain", "after all answers");
});
