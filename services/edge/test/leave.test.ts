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
  const client = await full(t, edge, "u", [{ room: "r" }]);
  await client.next("caughtUp");
  await nats.kill("SIGSTOP");
  client.send({ type: "message", room: "r", message: "m", nonce: "n" });
  client.send({ type: "join", room: "nowhere", after: "x" });
  await client.next("error");
  await edge.kill("SIGTERM");
  t.notMatch(edge.output(), "killed by timeout");
  t.match(client.of("drain").length, 1);
  t.match(client.of("error").at(-1), { code: "log_unavailable", temporary: true, nonce: "n", room: "r" });
});
