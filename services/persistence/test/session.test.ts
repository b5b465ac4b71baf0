import type { FastifyReply, FastifyRequest } from "fastify";
import t from "tap";
import { Sessions } from "../src/admin/session.ts";

const HOUR_MS = 3_600_000;

/** The parts of a request that a session reads. */
const request = (cookie = "") => ({ headers: { cookie }, protocol: "http" }) as unknown as FastifyRequest;

function begin(sessions: Sessions): string {
  let cookie = "";
  const reply = { header: (_name: string, value: string) => (cookie = value.split(";")[0]!) };
  sessions.start(request(), reply as unknown as FastifyReply);
  return cookie;
}

t.test("a session ends after eight hours, even if the browser keeps its cookie", async (t) => {
  const sessions = new Sessions("a token of the moderators");
  const cookie = begin(sessions);
  const { now } = Date;
  const after = (hours: number) => {
    t.intercept(Date, "now", { value: () => now() + hours * HOUR_MS });
    return sessions.csrf(request(cookie));
  };
  t.match(sessions.csrf(request(`other=1; ${cookie}`)), /^[\w-]{43}$/);
  t.equal(after(7.9), sessions.csrf(request(cookie)));
  t.ok(after(7.9));
  t.equal(after(8.1), undefined);
});

t.test("a session is bound to the admin token, and a CSRF token to its session", async (t) => {
  const sessions = new Sessions("a token of the moderators");
  const [one, other] = [begin(sessions), begin(sessions)];
  t.not(sessions.csrf(request(one)), sessions.csrf(request(other)));
  t.equal(
    new Sessions("a token of the moderators").csrf(request(one)),
    sessions.csrf(request(one)),
    "the same on every instance",
  );
  t.equal(new Sessions("another token of them").csrf(request(one)), undefined);
  t.equal(sessions.csrf(request(one.replace(/.$/, (last) => (last === "A" ? "B" : "A")))), undefined);
});
