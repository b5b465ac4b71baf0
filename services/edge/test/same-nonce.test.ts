/** F3: a nonce belongs to one message, however many clients use it at once, and on any number of servers. */

import { setTimeout as delay } from "node:timers/promises";
import { startNatsCluster } from "@madang/local-stack";
import { type Frame, full, HttpClient, natsFor, type WireClient } from "@madang/test-kit";
import t, { type Test } from "tap";
import { edgeFor, type TestEdge } from "./support.ts";

t.setTimeout(180_000);

const ROUNDS = 100;
const ROOM = "yard";

/** Sends a message over HTTP; resolves with the status and the properties of the answer. */
async function post(edge: TestEdge, body: object, key: string): Promise<Frame> {
  const { status, body: answer } = await new HttpClient(edge).post(ROOM, body, { "idempotency-key": key });
  return { ...answer, status };
}

/** The answer to the last send with that nonce. */
function answer(client: WireClient, nonce: string): Promise<Frame> {
  return Promise.any([client.next("ack", { nonce }), client.next("error", { nonce })]);
}

const servers = await startNatsCluster(3);
t.teardown(() => Promise.all(servers.map((server) => server.stop())));

function cluster(t: Test): Promise<TestEdge[]> {
  return Promise.all(servers.slice(0, 2).map((server) => edgeFor(t, server, { LOG_REPLICAS: "3" })));
}

t.test("F3: one nonce from four sockets and a POST at once is stored once, and one of them hears so", async (t) => {
  const [one, two] = await cluster(t);
  const sockets = await Promise.all([one!, two!, one!, two!].map((edge) => full(t, edge, "ann", [ROOM])));
  const wrong: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const nonce = `n${round}`;
    for (const socket of sockets) socket.post(ROOM, nonce);
    const posted = post(two!, { user: "ann", message: nonce }, nonce);
    const answers = [...(await Promise.all(sockets.map((socket) => answer(socket, nonce)))), await posted];
    const places = new Set(answers.map(({ seq }) => seq));
    const first = answers.filter(({ duplicate }) => duplicate === false);
    if (places.size !== 1 || first.length !== 1) wrong.push(JSON.stringify(answers));
  }
  t.same(wrong.slice(0, 1), [], `${wrong.length} of ${ROUNDS} rounds`);
  await delay(100);
  t.equal(sockets[0]!.of("message").length, ROUNDS, "stored once each");
});

t.test("F3: of two texts with one nonce at once, one is stored and the other is refused", async (t) => {
  const edges = await cluster(t);
  const sockets = await Promise.all(edges.map((edge) => full(t, edge, "ann", [ROOM])));
  const wrong: string[] = [];
  for (let round = 0; round < ROUNDS / 4; round++) {
    const nonce = `m${round}`;
    for (const [n, socket] of sockets.entries()) socket.post(ROOM, `text ${n}`, nonce);
    const answers = await Promise.all(sockets.map((socket) => answer(socket, nonce)));
    const kinds = answers.map(({ type, code, temporary }) => (type === "ack" ? "ack" : `${code} ${temporary}`)).sort();
    if (kinds.join() !== "ack,conflict false") wrong.push(JSON.stringify(answers));
  }
  t.same(wrong.slice(0, 1), []);
});

t.test("F3: a nonce with another body is a conflict, whichever way either came", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const ann = await full(t, edge, "ann", [ROOM]);
  const first = await ann.say(ROOM, "hello", "k1");
  const about = { type: "error", nonce: "k1", room: ROOM, code: "conflict", temporary: false };
  for (const other of [{ message: "bye" }, { message: "hello", replyTo: first.seq }]) {
    ann.send({ type: "message", room: ROOM, nonce: "k1", ...other });
    t.match(await ann.next("error", { code: "conflict" }), about);
    ann.frames.splice(0, ann.frames.length, ...ann.of("ack"));
    t.match(await post(edge, { user: "ann", ...other }, "k1"), { status: 422, code: "conflict" });
  }
  t.match(await post(edge, { user: "ann", message: "hello" }, "k1"), { status: 200, seq: first.seq, duplicate: true });
  t.match(await ann.say(ROOM, "hello", "k1"), { seq: first.seq });
  t.same(await post(edge, { message: "backup done" }, "k2").then(({ status }) => status), 201);
  t.match(await post(edge, { message: "disk full" }, "k2"), { status: 422 }, "two webhooks without a name");
  t.match(await ann.say(ROOM, "and on", "k3"), { duplicate: false }, "the sender goes on");
});
