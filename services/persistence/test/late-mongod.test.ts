import { fileURLToPath } from "node:url";
import { startProcess } from "@madang/local-stack";
import t from "tap";
import { Clicker, TOKEN } from "./admin-support.ts";
import { eventually, freshDatabase, mongod, nats } from "./support.ts";

const ENTRY = fileURLToPath(new URL("../src/main.ts", import.meta.url));

t.test("moderation works once MongoDB is there, if it was missing at the start", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  await db.kill("SIGKILL");
  const env = { NATS_URL: log.url, MONGODB_URL: freshDatabase(db), ADMIN_TOKEN: TOKEN };
  const persistence = await startProcess({ name: "persistence", entry: ENTRY, env, readyPath: "/livez" });
  t.teardown(() => persistence.stop());
  await eventually("the eraser has failed once", () => persistence.output().includes("an erasure failed"));
  await db.restart();
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  await eventually("it works", async () => (await clicker.get("/admin/rooms")).status === 200);
  await clicker.submit("/admin/rooms", { room: "a" });
  await clicker.submit("/admin/room/delete", { room: "a", confirm: "a" });
  await eventually("erased", async () => (await fetch(`${persistence.url}/v1/rooms/a`)).status === 404);
});
