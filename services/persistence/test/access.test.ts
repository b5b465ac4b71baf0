import { SignJWT } from "jose";
import t from "tap";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";

const JWT_SECRET = "a secret of thirty-two bytes or more";

t.test("a banned user reads no history, also when an edge forwards the request", async (t) => {
  const { persistence } = await adminSystem(t, { AUTH: "jwt", JWT_SECRET });
  const clicker = new Clicker(persistence.url);
  await clicker.login();
  for (const room of ["a", "b"]) await clicker.submit("/admin/rooms", { room });
  const reads = async (sub: string) => {
    const token = await new SignJWT({ sub, name: "kim", rooms: [{ pattern: "*", can: ["read"] }] })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(JWT_SECRET));
    const headers = { authorization: `Bearer ${token}` };
    const paths = ["/v1/rooms/a", "/v1/rooms/a/messages", "/v1/rooms/b/messages"];
    return Promise.all(paths.map(async (path) => (await fetch(persistence.url + path, { headers })).status));
  };
  // Before the first answer of the log there is no floor, and so no history.
  await eventually("history is there", async () => !(await reads("u-1")).includes(503));
  t.strictSame(await reads("u-1"), [200, 200, 200]);
  const person = { user: "kim", userId: "u-1" };
  await clicker.submit("/admin/people", { ...person, act: "ban", room: "a" });
  t.strictSame(await reads("u-1"), [403, 403, 200], "in one room");
  await clicker.submit("/admin/people", { ...person, act: "ban" });
  t.strictSame(await reads("u-1"), [403, 403, 403], "everywhere");
  await clicker.submit("/admin/people", { ...person, act: "unban", room: "a" });
  t.strictSame(await reads("u-1"), [403, 403, 403]);
  t.strictSame(await reads("u-2"), [200, 200, 200], "another user with the same name");
  await clicker.submit("/admin/people", { ...person, act: "unban" });
  t.strictSame(await reads("u-1"), [200, 200, 200]);
});
