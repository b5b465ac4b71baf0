import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { Admission } from "../src/arrival/admission.ts";

const BURST = 64;

/** `count` newcomers at once; says how many are in. */
function crowd(
  admission: Admission,
  count: number,
  remoteAddress = "127.0.0.1",
): { readonly entered: number[]; readonly gone: Set<number> } {
  const entered: number[] = [];
  const gone = new Set<number>();
  for (let i = 0; i < count; i++) {
    const socket = {
      remoteAddress,
      get destroyed() {
        return gone.has(i);
      },
    };
    void admission.turn(socket).then(() => entered.push(i));
  }
  return { entered, gone };
}

async function whenAllIn(entered: readonly number[], count: number): Promise<number> {
  const startedAt = performance.now();
  while (entered.length < count) await delay(1);
  return performance.now() - startedAt;
}

t.test("a few newcomers do not wait", async (t) => {
  const { entered } = crowd(new Admission(() => 0), BURST);
  await delay(0);
  t.equal(entered.length, BURST);
});

t.test("while somebody is served a crowd comes in by portions, in its order", async (t) => {
  let served = 0;
  const serving = setInterval(() => served++, 5);
  t.teardown(() => clearInterval(serving));
  const { entered } = crowd(new Admission(() => served), BURST + 120);
  const tookMs = await whenAllIn(entered, BURST + 120);
  // A timer is never early: 120 at 4 in 10 ms at most take 30 ticks. Half of it leaves room for ticks that follow a late one sooner.
  t.ok(tookMs > 150, `${tookMs} ms`);
  t.same(
    entered,
    Array.from({ length: BURST + 120 }, (_, i) => i),
  );
});

t.test("who comes from elsewhere does not wait behind a crowd of one address", async (t) => {
  let served = 0;
  const serving = setInterval(() => served++, 5);
  t.teardown(() => clearInterval(serving));
  const admission = new Admission(() => served);
  const { entered } = crowd(admission, BURST + 1000);
  const others = crowd(admission, 3, "127.0.0.2");
  await whenAllIn(others.entered, 3);
  t.ok(entered.length < BURST + 100, `${entered.length} of the crowd before`);
  t.same(others.entered, [0, 1, 2]);
});

t.test("a long line moves faster, so that nobody waits until giving up", async (t) => {
  let served = 0;
  const serving = setInterval(() => served++, 5);
  t.teardown(() => clearInterval(serving));
  const { entered } = crowd(new Admission(() => served), BURST + 16_000);
  await delay(0);
  let most = 0;
  for (let last = entered.length; most < 10 && entered.length < 2000; last = entered.length) {
    await new Promise((next) => setImmediate(next));
    most = Math.max(most, entered.length - last);
  }
  t.equal(most, 10, "16,000 in 16 s are 10 in 10 ms");
});

t.test("where nobody speaks the pace rises", async (t) => {
  const admission = new Admission(() => 0);
  // Silence is known only after a while of it.
  await whenAllIn(crowd(admission, BURST + 500).entered, BURST + 500);
  const { entered } = crowd(admission, 1000);
  await delay(0);
  const before = entered.length;
  let most = 0;
  let last = before;
  while (entered.length < 1000) {
    await new Promise((next) => setImmediate(next));
    most = Math.max(most, entered.length - last);
    last = entered.length;
  }
  t.ok(most > 8, `${most} at once`);
});

t.test("where nobody speaks the pace falls again when the process cannot keep up", async (t) => {
  const all = BURST + 3000;
  const { entered } = crowd(new Admission(() => 0), all);
  const grownInATurn = async () => {
    const before = entered.length;
    await new Promise((next) => setImmediate(next));
    return entered.length - before;
  };
  await delay(0);
  while ((await grownInATurn()) <= 4)
    if (entered.length === all) return t.comment("no tick of this machine's is on time");
  let pace = Number.POSITIVE_INFINITY;
  while (pace > 4 && entered.length < all) {
    // Longer than from one tick to the next: each comes late.
    for (const until = performance.now() + 20; performance.now() < until; );
    pace = (await grownInATurn()) || pace;
  }
  t.equal(pace, 4);
});

t.test("who left while it waited takes nobody's turn", async (t) => {
  const { entered, gone } = crowd(new Admission(() => 0), BURST + 40);
  for (let i = BURST; i < BURST + 36; i++) gone.add(i);
  await whenAllIn(entered, BURST + 4);
  t.same(entered.slice(BURST), [BURST + 36, BURST + 37, BURST + 38, BURST + 39]);
});
