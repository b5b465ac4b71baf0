import { CLOSE_CODES } from "@madang/protocol";
import t from "tap";
import { edgeFor, full, natsFor, said, until } from "./support.ts";

t.setTimeout(240_000);

/** More than the system's own buffers take on loopback. */
const FLOOD_MAX_BYTES = 24 * 1024 * 1024;

t.test("F7, F8 a socket that takes nothing at all for a minute is closed with 3014, and no other one", async (t) => {
  const edge = await edgeFor(t, await natsFor(t), { SEND_LIMIT: "off", SEND_LIMIT_USER: "off" });
  const speaker = await full(t, edge, "s", [{ room: "a" }]);
  // The edge looks at the n-th connection in the n-th second, and then every 25 s: so one of the looks comes soon after the minute.
  const others = await Promise.all(Array.from({ length: 18 }, (_, n) => full(t, edge, `o${n}`)));
  const stuck = await full(t, edge, "m", [{ room: "a" }]);
  await stuck.next("caughtUp");
  const connection = [...edge.hub.connections].find(({ user }) => user === "m")!;
  const socket = (stuck.ws as unknown as { _socket: import("node:net").Socket })._socket;
  socket.pause();
  // Four bytes a character: as few messages as may be.
  for (let bytes = 0, n = 0; bytes < FLOOD_MAX_BYTES && connection.backlog === 0; n++, bytes += 16_000) {
    await said(speaker, "a", "😀".repeat(4000), `n${n}`);
  }
  t.ok(connection.backlog > 0, "there is something that it does not take");
  const since = performance.now();
  // A first look, from which on the time counts.
  connection.stuckFor(since);

  // It reads its way to the close frame from the moment on in which that is written: before, it would be stuck no more.
  stuck.ws.removeAllListeners("message");
  const close = connection.close.bind(connection);
  connection.close = (reason) => {
    close(reason);
    socket.resume();
  };
  t.same(await stuck.closing(150_000), CLOSE_CODES.noProgress);
  t.equal(CLOSE_CODES.noProgress.code, 3014);
  t.ok(performance.now() - since >= 60_000, "not before its time");
  await until(() => !edge.hub.connections.has(connection));
  for (const other of [speaker, ...others]) t.equal(other.closed, undefined);
  await said(speaker, "a", "still here");
});
