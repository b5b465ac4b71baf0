import t from "tap";
import { Allowance } from "../src/session/allowance.ts";

/** How many in a row are borne. */
function borne(allowance: Allowance, unreadableBytes?: number): number {
  let count = 0;
  while (count < 5000 && allowance.toleratesRefusal(unreadableBytes)) count++;
  return count;
}
const OFF = { sends: undefined, joins: undefined, typing: undefined };
const sends = (count: number) => ({ ...OFF, sends: { count, windowMs: 3_600_000 } });

t.test("F7 ten refusals for each send, a hundred at least; nonsense counts as ten and by its size", async (t) => {
  t.equal(borne(new Allowance(sends(20))), 200);
  t.equal(borne(new Allowance(sends(1))), 100);
  t.equal(borne(new Allowance(sends(1)), 0), 10);
  t.equal(borne(new Allowance(sends(1)), 640), 5);
  t.equal(borne(new Allowance(OFF), 64_000), 5000, "without a limit there is none");
});

t.test("sends and joins are counted apart, and say when to come again", async (t) => {
  const allowance = new Allowance({
    ...OFF,
    sends: { count: 2, windowMs: 60_000 },
    joins: { count: 1, windowMs: 60_000 },
  });
  allowance.takeSend();
  allowance.takeSend();
  t.throws(() => allowance.takeSend(), { code: "rate_limited" });
  allowance.takeJoin();
  try {
    allowance.takeJoin();
    t.fail();
  } catch (error) {
    const { retryAfter } = error as { retryAfter: number };
    t.ok(retryAfter > 50 && retryAfter <= 60, `${retryAfter} s`);
  }
});
