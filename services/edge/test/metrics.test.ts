import { startNats } from "@madang/local-stack";
import t from "tap";
import { edgeFor, full, said } from "./support.ts";

t.test("messages count as stored and refused, however they came", async (t) => {
  // Less than a text of 4,000 characters may weigh, so that the log itself refuses one.
  const nats = await startNats({ configText: "max_payload: 8192" });
  t.teardown(() => nats.stop());
  const edge = await edgeFor(t, nats);
  const url = `http://127.0.0.1:${edge.port}`;
  const figure = async (name: string) => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, "m").exec(metrics)?.[1]);
  };
  const counted = async () => [
    await figure("madang_messages_stored_total"),
    await figure("madang_messages_refused_total"),
  ];
  const tooLong = "가".repeat(4000);
  const client = await full(t, edge, "u", [{ room: "a" }]);
  await said(client, "a", "x");
  client.send({ type: "message", room: "a", message: tooLong, nonce: "2" });
  t.match(await client.next("error"), { code: "text_too_long" });
  t.same(await counted(), [1, 1]);
  const post = async (message: string) => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ message });
    return (await fetch(`${url}/v1/rooms/a/messages`, { method: "POST", headers, body })).status;
  };
  t.same([await post("x"), await post(tooLong)], [201, 413]);
  t.same(await counted(), [2, 2]);
  t.same([await post(" "), await counted()], [400, [2, 2]], "what never came to the log");
});
