import t from "tap";
import { systemClock } from "../src/clock.ts";
import { onWake } from "../src/wake.ts";
import { inRoom } from "./fakes.ts";

/** A browser's events, for the duration of the test. */
function browser(t: Tap) {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const window = new EventTarget();
  const listeners = new Set<EventListener>();
  const globals = {
    document: page,
    addEventListener(type: string, listener: EventListener) {
      listeners.add(listener);
      window.addEventListener(type, listener);
    },
    removeEventListener(type: string, listener: EventListener) {
      listeners.delete(listener);
      window.removeEventListener(type, listener);
    },
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
    t.teardown(() => Reflect.deleteProperty(globalThis, name));
  }
  return { page, listeners, online: () => window.dispatchEvent(new Event("online")) };
}
type Tap = { teardown(run: () => void): void };

t.test("online and a page that becomes visible are hints; a hidden page is not", async (t) => {
  const { page, online } = browser(t);
  let hints = 0;
  const stop = onWake(() => hints++);
  online();
  page.dispatchEvent(new Event("visibilitychange"));
  t.equal(hints, 2);
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  t.equal(hints, 2);
  stop();
  page.visibilityState = "visible";
  online();
  page.dispatchEvent(new Event("visibilitychange"));
  t.equal(hints, 2);
});

t.test("without such events nothing happens", async (t) => {
  onWake(() => t.fail())();
});

t.test("a hint ends a backoff and probes a silent connection, but not a fresh one", async (t) => {
  const { online, listeners } = browser(t);
  const { client, clock, last, sockets } = inRoom();
  const probes = () => last().sent.filter(({ type }) => type === "leave").length;
  online();
  t.equal(probes(), 0);
  clock.advance(5_000);
  online();
  online();
  t.equal(probes(), 1);
  clock.advance(10_000);
  t.equal(client.state, "connecting", "no answer to the probe");
  online();
  t.equal(sockets.length, 2);
  online();
  t.equal(sockets.length, 2, "a running attempt is not repeated");
  client.close();
  t.equal(listeners.size, 0, "a closed client has no listeners");
  t.equal(clock.timers, 0);
});

t.test("the clock counts an hour of sleep, and does not go back with the time of day", async (t) => {
  const HOUR_MS = 3_600_000;
  let sleptMs = 0;
  t.intercept(Date, "now", { get: () => () => Math.floor(performance.timeOrigin + performance.now()) + sleptMs });
  const before = systemClock.now();
  sleptMs = HOUR_MS;
  const awake = systemClock.now();
  t.ok(awake - before >= HOUR_MS - 1, `${awake - before} ms`);
  sleptMs = -HOUR_MS;
  t.ok(systemClock.now() >= awake);
  t.ok(systemClock.now() - awake < HOUR_MS, "and does not jump ahead");
});
