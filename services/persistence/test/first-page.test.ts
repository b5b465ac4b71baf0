import t from "tap";
import { adminSystem, eventually } from "./admin-support.ts";
import { member } from "./erasure-support.ts";

t.test("a room has a page as soon as a client has joined it or posted to it", async (t) => {
  const system = await adminSystem(t);
  const edge = await system.start("edge", { PERSISTENCE_URL: system.persistence.url });
  const url = (room: string) => `${edge.url}/v1/rooms/${room}/messages`;
  await eventually("history is available", async () => (await fetch(url("any"))).status !== 503);

  await member(t, edge, { room: "joined" });
  const page = await fetch(url("joined"));
  t.match([page.status, await page.json()], [200, { room: "joined", messages: [], foundOldest: true }]);

  const headers = { "content-type": "application/json" };
  const posted = await fetch(url("posted"), { method: "POST", headers, body: JSON.stringify({ message: "first" }) });
  t.equal(posted.status, 201);
  t.equal((await fetch(url("posted"))).status, 200);
});
