import { full, startSystem } from "@madang/test-kit";
import t from "tap";

t.test("a draining edge answers all pending sends in time while the log is away", async (t) => {
  // DRAIN_MS is 0: the edge has only the time that it takes for closing.
  const { nats, edge } = await startSystem(t, { persistences: 0, env: { LOG_LEVEL: "info" } });
  const rooms = ["r", "left", "again"];
  const client = await full(t, edge, "u", rooms);
  for (const room of rooms) await client.next("caughtUp", { room });
  await nats.kill("SIGSTOP");
  client.post("r", "m", "n");
  // Neither a leave nor a new join answers the messages before it.
  client.post("left", "m", "left");
  client.send({ type: "leave", room: "left" });
  client.post("again", "m", "again");
  client.join("again");
  client.join("nowhere", "x");
  await client.next("error");
  await edge.kill("SIGTERM");
  t.notMatch(edge.output(), "killed by timeout");
  t.equal(client.of("drain").length, 1);
  const answers = client.of("error").slice(1);
  t.same(new Set(answers.map(({ room, nonce }) => `${room} ${nonce}`)), new Set(["r n", "left left", "again again"]));
  for (const answer of answers) t.match(answer, { code: "log_unavailable", temporary: true });
  t.equal(client.frames.at(-1).type, "drain", "after all answers");
});
