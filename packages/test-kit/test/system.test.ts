import t from "tap";
import { bearer, eventually, full, HttpClient, plain, type System, startSystem, token } from "../src/index.ts";

const ROOM = "수다방";

t.test("a system serves the full protocol, the plain protocol and HTTP, and ends with its test", async (t) => {
  let system: System | undefined;
  await t.test("while the test runs", async (t) => {
    system = await startSystem(t, { edges: 2, persistences: 2 });
    const [here, there] = system.edges;
    const member = await full(t, here!, "민수", [ROOM]);
    const neighbour = await plain(t, there!, ROOM);
    await member.say(ROOM, "hello");
    t.match(await neighbour.next("message"), { user: "민수", message: "hello" });
    const http = new HttpClient(there!);
    t.match(await http.post(ROOM, "by HTTP"), { status: 201, body: { duplicate: false } });
    await eventually(async () => (await http.texts(ROOM)).length === 2);
    t.same(await http.texts(ROOM), ["hello", "by HTTP"]);
  });
  const { edges, persistences, nats, mongod } = system!;
  for (const child of [...edges, ...persistences, nats, mongod]) t.notOk(child.running, child.name);
});

t.test("with auth a system accepts the tokens of the kit, and no others", async (t) => {
  const { edge } = await startSystem(t, { persistences: 0, auth: "jwt" });
  const jwt = await token({ name: "민수", rooms: [{ name: ROOM, can: ["read", "write"] }] });
  const member = await full(t, edge, { token: jwt }, [ROOM]);
  t.match(await member.next("welcome"), { user: "민수" });
  t.match(await new HttpClient(edge, bearer(jwt)).post(ROOM, "hello"), { status: 201 });
  t.equal((await new HttpClient(edge).post(ROOM, "hello")).status, 401);
  const stranger = await full(t, edge, { token: "rubbish" });
  t.match(await stranger.closing(), { code: 3500 });
});
