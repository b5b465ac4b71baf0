import t from "tap";
import { eventually } from "../src/index.ts";

t.test("eventually returns the first value that is truthy", async (t) => {
  const values = [undefined, 0, "", "found", "too late"];
  t.equal(await eventually(() => values.shift()), "found");
  t.same(values, ["too late"]);
});

t.test("eventually shows the condition that did not hold in time", async (t) => {
  let tries = 0;
  const condition = async () => ++tries === 0;
  await t.rejects(eventually(condition, { limitMs: 50 }), { message: /^not within 50 ms: .*\+\+tries === 0/ });
  t.ok(tries > 1);
});

t.test("eventually passes on what its condition throws", async (t) => {
  const broken = async () => {
    throw new Error("broken");
  };
  await t.rejects(eventually(broken), { message: "broken" });
});
