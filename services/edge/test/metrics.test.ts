import { figure, full, HttpClient, natsFor } from "@madang/test-kit";
import t from "tap";
import { edgeFor } from "./support.ts";

t.test("the metrics count stored and refused messages of every way in", async (t) => {
  // Smaller than a text of 4,000 characters may be, so that the log itself refuses one.
  const edge = await edgeFor(t, await natsFor(t, { configText: "max_payload: 8192" }));
  const http = new HttpClient(edge);
  const counted = async () => [
    await figure(edge, "madang_messages_stored_total"),
    await figure(edge, "madang_messages_refused_total"),
  ];
  const tooLong = "가".repeat(4000);
  const client = await full(t, edge, "u", ["a"]);
  await client.say("a", "x");
  client.post("a", tooLong, "2");
  t.match(await client.next("error"), { code: "text_too_long" });
  t.same(await counted(), [1, 1]);
  const post = async (message: string) => (await http.post("a", message)).status;
  t.same([await post("x"), await post(tooLong)], [201, 413]);
  t.same(await counted(), [2, 2]);
  t.same([await post(" "), await counted()], [400, [2, 2]], "a message without text does not reach the log");
});
