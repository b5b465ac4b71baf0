import t from "tap";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";
import { jobsDone, member, projected, say } from "./erasure-support.ts";

t.test(
  "an edge does not replay a deleted room from its ring; a resume from an old position completes without events",
  async (t) => {
    const system = await adminSystem(t);
    const { persistence, publisher } = system;
    const edge = await system.start("edge", { PERSISTENCE_URL: persistence.url });
    const inside = await member(t, edge, { room: "room 0" });
    await say(system, 30);
    await projected(system, 60);
    await eventually("the edge has seen them", () => inside.filter((frame) => frame.type === "message").length >= 15);
    const clicker = new Clicker(persistence.url);
    await clicker.login();
    await clicker.submit("/admin/room/delete", { room: "room 0", confirm: "room 0" });
    await eventually("the member has left", () => inside.some((frame) => frame.type === "left"));
    await jobsDone(system);
    const again = await member(t, edge, { room: "room 0", after: `${publisher.epoch}.0` });
    t.strictSame(
      again.filter((frame) => frame.type === "message"),
      [],
    );
  },
);
