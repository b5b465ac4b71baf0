import t from "tap";
import { FairQueue } from "../src/queues/fair-queue.ts";

t.test("askers take turns, and the items of one asker keep their order", (t) => {
  const queue = new FairQueue<string, number>();
  for (const item of [1, 2, 3]) queue.add("a", item);
  queue.add("b", 10);
  t.equal(queue.take(), 1);
  queue.add("c", 20);
  queue.add("b", 11);
  t.equal(queue.size, 5);
  t.same(
    Array.from({ length: 5 }, () => queue.take()),
    [10, 2, 20, 11, 3],
  );
  t.equal(queue.size, 0);
  t.equal(queue.take(), undefined);
  queue.add("a", 4);
  t.equal(queue.take(), 4);
  t.end();
});
