/** The SDK's tokens against a real edge with `AUTH=jwt`. */

import type { Action } from "@madang/auth";
import { startSystem, token } from "@madang/test-kit";
import t, { type Test } from "tap";
import { type ClientEvents, MadangClient, type MadangClientOptions, StopError } from "../src/index.ts";

const { edge } = await startSystem(t, { persistences: 0, auth: "jwt", env: { LOG_LEVEL: "warn" } });

const jwt = (can: Action[], lifeS = 60) => token({ name: "민수", rooms: [{ name: "hall", can }] }, lifeS);

function clientOf(t: Pick<Test, "teardown">, token: MadangClientOptions["token"]) {
  const client = new MadangClient({ url: `ws://127.0.0.1:${edge.port}/ws`, ...(token === undefined ? {} : { token }) });
  t.teardown(() => client.close());
  const closed = new Promise<ClientEvents["close"]>((resolve) => client.on("close", resolve));
  return { client, closed };
}

t.test("F7: a refused token is 3500 on the wire and in the SDK", async (t) => {
  for (const token of [undefined, "rubbish", () => "rubbish"]) {
    const { client, closed } = clientOf(t, token);
    const send = client.join("hall").send("hello");
    client.connect();
    const close = await closed;
    t.match(close, { code: 3500, reason: "invalid token", reconnecting: false });
    await t.rejects(send, { code: close.error!.code });
  }
});

t.test("F7: an expired token is 3005; a token function is called again, until it stops the client", async (t) => {
  const fixed = clientOf(t, await jwt(["read"], -60));
  fixed.client.connect();
  t.match(await fixed.closed, { code: 3005, reason: "token expired", reconnecting: false });

  const tokens = [await jwt(["read"], -60), await jwt(["read"])];
  const { client, closed } = clientOf(t, () => {
    const token = tokens.shift();
    if (token === undefined) throw new StopError("signed out");
    return token;
  });
  const joined = new Promise((resolve) => client.join("hall").on("joined", resolve));
  client.connect();
  t.match(await closed, { code: 3005, reconnecting: true });
  await joined;
  await t.rejects(client.refresh(), { code: "token_stopped", message: "signed out" });
  t.equal(client.state, "disconnected");
});

t.test("F5: refresh grants and revokes rights without a reconnect", async (t) => {
  const { client } = clientOf(t, await jwt(["read"]));
  client.on("close", ({ reconnecting }) => reconnecting && t.fail("a reconnect"));
  const room = client.join("hall");
  const joined = new Promise((resolve) => room.on("joined", resolve));
  client.connect();
  await joined;
  await t.rejects(room.send("too early"), { code: "not_allowed" });
  await client.refresh(await jwt(["read", "write"]));
  t.match(await room.send("now"), { duplicate: false });

  const told: string[] = [];
  room.on("left", ({ byServer }) => told.push(`left ${byServer}`));
  const error = new Promise((resolve) => room.on("error", resolve));
  await client.refresh(await jwt([]));
  t.match(await error, { code: "not_allowed", room: "hall" });
  t.same(told, ["left true"]);
  t.equal(room.state, "left");
  t.equal(client.state, "connected");

  const ended = new Promise<ClientEvents["close"]>((resolve) => client.on("close", resolve));
  await t.rejects(client.refresh("rubbish"), { code: "unauthorized" });
  t.match(await ended, { code: 3500, reconnecting: false });
});
