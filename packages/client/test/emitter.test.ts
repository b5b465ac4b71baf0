import t from "tap";
import { Emitter } from "../src/emitter.ts";

class Source extends Emitter<{ tick: number; tock: string }> {
  tick(value: number): void {
    this.emit("tick", value);
  }
}

t.test("listeners are called in order and can be removed one by one", async (t) => {
  const source = new Source();
  const heard: string[] = [];
  const listener = (value: number) => heard.push(`twice ${value}`);
  const off = source.on("tick", listener);
  source.on("tick", listener);
  source.on("tock", () => heard.push("never"));
  source.tick(1);
  off();
  off();
  source.tick(2);
  t.same(heard, ["twice 1", "twice 1", "twice 2"]);
});

t.test("an async listener that rejects is reported and causes no unhandled rejection", async (t) => {
  const source = new Source();
  const reported = t.capture(console, "error", () => {});
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  t.teardown(() => process.off("unhandledRejection", onUnhandled));
  source.on("tick", async () => {
    throw new Error("mine");
  });
  source.tick(1);
  await new Promise((resolve) => setImmediate(resolve));
  t.match(
    reported().map(({ args }) => args),
    [[{ message: "mine" }]],
  );
  t.same(unhandled, []);
});

t.test("a listener that throws is reported, and the others are called", async (t) => {
  const source = new Source();
  const reported = t.capture(console, "error", () => {});
  const heard: number[] = [];
  source.on("tick", () => {
    throw new Error("mine");
  });
  source.on("tick", (value) => heard.push(value));
  source.tick(1);
  t.same(heard, [1]);
  t.match(reported.args(), [[{ message: "mine" }]]);
});

t.test("listeners may be added and removed while an event is emitted", async (t) => {
  const source = new Source();
  const heard: string[] = [];
  const offs: (() => void)[] = [];
  source.on("tick", () => {
    for (const off of offs) off();
    source.on("tick", () => heard.push("late"));
  });
  offs.push(source.on("tick", () => heard.push("removed")));
  source.tick(1);
  t.same(heard, []);
  source.tick(2);
  t.same(heard, ["late"]);
});
