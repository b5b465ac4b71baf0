/** The SDK against real edges on a real log, over Node's own WebSocket. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { startService } from "@madang/local-stack";
import { eventually, NOWHERE, natsFor, type Scope } from "@madang/test-kit";
import t from "tap";
import { type EventFrame, MadangClient, type MadangClientOptions, webSocketTransport } from "../src/index.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const ROOM = "수다방";
const nats = await natsFor(t);

async function startEdge(t: Scope) {
  const env = { NATS_URL: nats.url, PERSISTENCE_URL: NOWHERE, DRAIN_MS: "50", LOG_LEVEL: "warn" };
  const edge = await startService("edge", { name: "edge", env });
  t.teardown(() => edge.stop());
  return Object.assign(edge, { ws: `ws://127.0.0.1:${edge.port}/ws` });
}

/** A client in the room, and the events that it emitted there. */
async function member(t: Scope, url: string, user: string, options: Partial<MadangClientOptions> = {}, after?: string) {
  const client = new MadangClient({ url, user, ...options });
  t.teardown(() => client.close());
  const room = client.join(ROOM, after === undefined ? {} : { after });
  const events: EventFrame[] = [];
  room.on("event", (event) => events.push(event));
  const caughtUp = new Promise((resolve) => room.on("caughtUp", resolve));
  client.connect();
  await caughtUp;
  const texts = () => events.map((event) => (event.type === "message" ? event.message : ""));
  return { client, room, events, texts };
}

t.test("F2, F3: two users on two edges receive each message once and in one order", async (t) => {
  const [one, two] = await Promise.all([startEdge(t), startEdge(t)]);
  const a = await member(t, one.ws, "민수");
  const b = await member(t, two.ws, "영희");
  const results = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (i % 2 ? a : b).room.send(`${i % 2 ? "a" : "b"} ${i} 안녕`)),
  );
  await eventually(() => a.events.length >= 200 && b.events.length >= 200);
  t.same(a.events, b.events);
  t.equal(new Set(results.map(({ seq }) => seq)).size, 200);
  for (const who of ["a", "b"]) {
    const mine = a.texts().filter((text) => text.startsWith(who));
    t.same(
      mine,
      mine.toSorted((x, y) => Number(x.split(" ")[1]) - Number(y.split(" ")[1])),
    );
  }
  t.equal(a.room.position, b.room.position);

  const late = await member(t, two.ws, "철수", {}, `${results[0]!.epoch}.0`);
  await eventually(() => late.events.length >= 200);
  t.same(late.events, a.events, "from the beginning, on another edge");
});

t.test("F2, F3, F7: killed and drained edges lose no message", async (t) => {
  const [shaky, calm] = await Promise.all([startEdge(t), startEdge(t)]);
  const sender = await member(t, shaky.ws, "민수");
  const reader = await member(t, calm.ws, "영희");
  const closes: number[] = [];
  sender.client.on("close", ({ code }) => closes.push(code));
  const answers: Promise<unknown>[] = [];
  const asked: string[] = [];
  const say = (count: number) => {
    for (let i = 0; i < count; i++) {
      asked.push(`${asked.length}`);
      answers.push(sender.room.send(asked.at(-1)!));
    }
  };
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    say(100);
    await eventually(() => reader.events.length >= asked.length - 90);
    await shaky.kill(signal);
    say(20);
    void reader.room.send("meanwhile");
    await shaky.restart();
    await Promise.all(answers);
  }
  await eventually(() => sender.events.length >= 242 && reader.events.length >= 242);
  t.same(
    reader.texts().filter((text) => text !== "meanwhile"),
    asked,
  );
  t.same(sender.events, reader.events);
  t.ok(closes.includes(1006), "killed");
  t.ok(closes.includes(1012), "drained");
  t.same(sender.room.pending, []);
});

t.test("F5, F6: a real edge answers a probe, and the client emits no error", async (t) => {
  const edge = await startEdge(t);
  let ahead = 0;
  const heard: string[] = [];
  const options: Partial<MadangClientOptions> = {
    clock: {
      now: () => performance.now() + ahead,
      after: (ms, run) => {
        // Shortens the silence before a probe; all other waits keep their length.
        const timer = setTimeout(run, ms === 35_000 ? 100 : ms);
        return () => clearTimeout(timer);
      },
    },
    transport: (url, events) =>
      webSocketTransport(url, {
        ...events,
        message: (text) => {
          heard.push(text);
          events.message(text);
        },
      }),
  };
  const { client } = await member(t, edge.ws, "민수", options);
  client.on("error", ({ code }) => t.fail(code));
  ahead = 36_000;
  await eventually(() => heard.some((text) => text.includes("bad_room")));
  t.equal(client.state, "connected");
});

t.test("errors of a real edge reach the send or the client that they concern", async (t) => {
  const edge = await startEdge(t);
  const { client, room } = await member(t, edge.ws, "민수");
  await t.rejects(room.send("  "), { code: "empty_text", temporary: false });
  await t.rejects(room.send("가".repeat(4001)), { code: "text_too_long" });
  t.match(await room.send("fine"), { duplicate: false });
  client.close();

  const nobody = new MadangClient({ url: edge.ws, user: " " });
  t.teardown(() => nobody.close());
  const closed = new Promise((resolve) => nobody.on("close", resolve));
  nobody.connect();
  t.match(await closed, { reason: "bad_user", reconnecting: false });
});

t.test("a Node program exits once its client is closed", async (t) => {
  const edge = await startEdge(t);
  const program = `
    import { MadangClient } from "@madang/client";
    const client = new MadangClient({ url: "${edge.ws}", user: "봇" });
    const room = client.join("${ROOM}");
    client.connect();
    console.log((await room.send("hello")).duplicate);
    client.close();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { cwd: ROOT });
  t.teardown(() => child.kill());
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.pipe(process.stderr);
  t.same(await once(child, "exit"), [0, null]);
  t.equal(output, "false\n");
});
