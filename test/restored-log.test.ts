import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMongod, startNats, startService, until } from "@madang/local-stack";
import t from "tap";

interface Frame {
  readonly type: string;
  readonly room?: string;
  readonly message?: string;
  readonly recovered?: boolean;
}

const LIMIT_MS = 30_000;

t.test("F2 a log that was restored to an older copy gets a new epoch, and members learn of it", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "madang-restored-log-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const [store, copy] = [join(dir, "nats"), join(dir, "copy")];
  let nats = await startNats({ dir: store, sync: "always" });
  t.teardown(() => nats.stop());
  const mongod = await startMongod();
  t.teardown(() => mongod.stop());
  const env = { NATS_URL: nats.url, MONGODB_URL: mongod.url, DRAIN_MS: "0" };
  const startPersistence = (at: { port?: number } = {}) =>
    startService("persistence", { name: "persistence", env, ...at });
  let persistence = await startPersistence();
  t.teardown(() => persistence.stop());
  const edge = await startService("edge", { name: "edge", env: { ...env, PERSISTENCE_URL: persistence.url } });
  t.teardown(() => edge.stop());

  const url = `${edge.url}/v1/rooms/a/messages`;
  const say = async (message: string) => {
    const headers = { "content-type": "application/json", "idempotency-key": message };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ message }) });
    return ((await answer.json()) as { position?: string }).position;
  };
  const history = async () => {
    const page = (await (await fetch(`${url}?limit=100`)).json()) as { messages: { message: string }[] };
    return page.messages.map(({ message }) => message);
  };
  const eventually = (attempt: () => Promise<boolean>) => until(AbortSignal.timeout(LIMIT_MS), attempt);
  const restart = async (change: () => void) => {
    const { port } = nats;
    await nats.stop();
    change();
    nats = await startNats({ dir: store, sync: "always", port });
  };

  const frames: Frame[] = [];
  const socket = new WebSocket(`${edge.url}/ws`, "madang.v1");
  socket.onmessage = ({ data }) => frames.push(JSON.parse(data) as Frame);
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", user: "m", join: [{ room: "a" }] }));
  t.teardown(() => socket.close());
  const heard = (message: string) => eventually(async () => frames.some((frame) => frame.message === message));
  await eventually(async () => frames.some(({ type }) => type === "caughtUp"));

  await say("1");
  await restart(() => cpSync(store, copy, { recursive: true }));
  await eventually(async () => (await say("2")) !== undefined);
  const before = await say("3");
  await heard("3");
  await eventually(async () => (await history()).length === 3);

  for (const [from, message] of [
    ["an older copy", "4"],
    ["the same copy again", "5"],
  ] as const) {
    frames.length = 0;
    await restart(() => {
      rmSync(store, { recursive: true });
      cpSync(copy, store, { recursive: true });
    });
    await eventually(async () => (await say(message)) !== undefined);
    await heard(message);
    t.match(frames.find(({ type }) => type === "joined")!, { recovered: false }, from);
    await eventually(async () => (await history()).includes(message));
  }
  t.same(await history(), ["1", "2", "3", "4", "5"], "history has each message once, also those that the copy lacks");
  socket.send(JSON.stringify({ type: "join", room: "b", after: before }));
  await eventually(async () => frames.some(({ type, room }) => type === "joined" && room === "b"));
  t.match(frames.find(({ type, room }) => type === "joined" && room === "b")!, { recovered: false });

  // Without a persistence service, more new messages arrive than were lost: the log ends beyond the checkpoint.
  const later = join(dir, "later");
  await restart(() => cpSync(store, later, { recursive: true }));
  for (const message of ["6", "7"]) await eventually(async () => (await say(message)) !== undefined);
  await eventually(async () => (await history()).includes("7"));
  const port = Number(new URL(persistence.url).port);
  await persistence.stop();
  await restart(() => {
    rmSync(store, { recursive: true });
    cpSync(later, store, { recursive: true });
  });
  for (const message of ["8", "9", "10"]) await eventually(async () => (await say(message)) !== undefined);
  frames.length = 0;
  persistence = await startPersistence({ port });
  await eventually(async () =>
    frames.some(({ type, room, recovered }) => type === "joined" && room === "a" && !recovered),
  );
  for (const message of ["8", "9", "10"]) await heard(message);
  await eventually(async () => (await history()).includes("10"));
  t.same(await history(), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
});
