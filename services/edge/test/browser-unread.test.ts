import { eventually, full, HttpClient } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import type { Page } from "playwright-core";
import { comeTo, systemFor, Visitor } from "./web-support.ts";

/** What stands below the line, the first thing only; `undefined`: there is no line. */
const below = (page: Page) =>
  page.evaluate(() => {
    const next = document.querySelector(
      "#chat-log > .unread-line + .message, #chat-log > .unread-line + .day + .message",
    );
    return next?.querySelector(".text")?.textContent ?? undefined;
  });

/** As a tab that is put behind another one. */
const hide = (page: Page, hidden: boolean) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

browserTest("where what is new begins, in a real browser", async (t, browser) => {
  const system = await systemFor(t);
  const [here, there] = [await system.edge(), await system.edge()];
  const speaker = await full(t, here, "speaker", ["hidden", "visit", "many", "blocked", "tabs", "up"]);
  const stored = (room: string, count: number) =>
    eventually(async () => (await new HttpClient(here).history(room)).length === count);

  t.test("a tab that was hidden has a line above the first message of others, until that was seen", async (t) => {
    await speaker.say("hidden", "old");
    const visitor = await comeTo(browser, here, "hidden", "me");
    const { page } = visitor;
    await visitor.sees("old");
    await speaker.say("hidden", "seen at once");
    await visitor.sees("seen at once");
    t.equal(await page.locator(".unread-line").count(), 0, "a message that comes into view is not unread");

    await hide(page, true);
    const other = await full(t, there, "me", ["hidden"]);
    await other.say("hidden", "my own, from elsewhere");
    await visitor.sees("my own, from elsewhere");
    t.equal(await page.locator(".unread-line").count(), 0, "an own message is not unread");
    await speaker.say("hidden", "one");
    await speaker.say("hidden", "two");
    await visitor.sees("two");
    await hide(page, false);
    t.equal(await below(page), "one");
    t.equal(await page.locator(".unread-line").textContent(), "새 메시지");
    t.equal(await page.locator(".unread-line").isVisible(), true);
    t.ok(await page.locator(".message.first").getByText("one", { exact: true }).isVisible(), "with its name");
    await speaker.say("hidden", "three");
    await visitor.sees("three");
    t.equal(await below(page), "one", "it stays where it is");

    await eventually(async () => {
      await hide(page, true);
      await hide(page, false);
      return (await page.locator(".unread-line").count()) === 0;
    });
    await hide(page, true);
    await speaker.say("hidden", "four");
    await visitor.sees("four");
    await hide(page, false);
    t.equal(await below(page), "four", "and begins anew");
    await visitor.say("I have read it");
    t.equal(await page.locator(".unread-line").count(), 0, "a person that answers has seen it");
    t.same(visitor.problems, []);
  });

  t.test("a new visit, and a reload, begin where the last one ended", async (t) => {
    await speaker.say("visit", "old");
    await stored("visit", 1);
    const visitor = await comeTo(browser, here, "visit", "me");
    const { page } = visitor;
    await visitor.sees("old");
    t.equal(await page.locator(".unread-line").count(), 0, "nothing is new on the first visit");
    await page.goto("about:blank");
    const other = await full(t, there, "me", ["visit"]);
    await other.say("visit", "mine");
    await speaker.say("visit", "one");
    await speaker.say("visit", "two");
    await stored("visit", 4);
    await visitor.enter(there, "visit", "me");
    t.equal(await below(page), undefined, "another origin knows nothing");
    await visitor.enter(here, "visit", "me");
    t.equal(await below(page), "one");
    await eventually(async () => {
      await page.reload();
      await page.locator("#connection.connected").waitFor();
      return (await page.locator(".unread-line").count()) === 0;
    });
    t.same(visitor.problems, []);
  });

  t.test("more than a page: the divider stays until the reader comes to it, and older pages move it up", async (t) => {
    await speaker.say("many", "old");
    await stored("many", 1);
    const visitor = await comeTo(browser, here, "many", "me");
    const { page } = visitor;
    await visitor.sees("old");
    await page.goto("about:blank");
    for (let i = 0; i < 70; i++) await speaker.say("many", `message ${i}`);
    await stored("many", 71);
    for (let visit = 0; visit < 2; visit++) {
      await visitor.enter(here, "many", "me");
      t.equal(await below(page), "message 20", "as far as is known");
    }
    const distance = () => page.locator("#chat-log").evaluate((log) => log.scrollHeight - log.scrollTop);
    await page.locator("#chat-log").evaluate((log) => log.scrollTo({ top: 0, behavior: "instant" }));
    await eventually(async () => (await below(page)) === "message 0");
    t.equal(await page.locator(".unread-line").count(), 1);
    const before = await distance();
    await page.locator(".unread-line").scrollIntoViewIfNeeded();
    t.ok((await distance()) >= before - 1, "it is where older ones came in");
    t.same(visitor.problems, []);
  });

  t.test("messages that come while the reader is further up are unread, too", async (t) => {
    for (let i = 0; i < 40; i++) await speaker.say("up", `message ${i}`);
    const visitor = await comeTo(browser, here, "up", "me");
    await visitor.sees("message 39");
    const { page } = visitor;
    await page.locator("#chat-log").evaluate((log) => log.scrollBy({ top: -600, behavior: "instant" }));
    await page.locator("#to-newest").waitFor();
    const top = () => page.locator("#chat-log").evaluate(({ scrollTop }) => Math.round(scrollTop));
    const before = await top();
    await speaker.say("up", "news");
    await visitor.sees("news");
    t.equal(await below(page), "news");
    t.equal(await top(), before, "and does not move them");
  });

  t.test("two tabs: a message seen in one is not unread in the other", async (t) => {
    const reading = await comeTo(browser, here, "tabs", "me");
    const { page } = reading;
    const [name, address] = [await page.title(), page.url()];
    await hide(page, true);
    await speaker.say("tabs", "one");
    await reading.sees("one");
    t.equal(await below(page), "one");
    const other = await reading.context.newPage();
    await other.goto(address);
    await other.getByText("one", { exact: true }).waitFor();
    await other.goto("about:blank");
    await eventually(async () => (await page.locator(".unread-line").count()) === 0);
    await hide(page, false);
    t.equal(await page.title(), name);
    t.same(reading.problems, []);
  });

  t.test("a browser without storage still marks messages that came while the tab was hidden", async (t) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await page.addInitScript(() => {
      Object.defineProperty(window, "localStorage", {
        get: () => {
          throw new DOMException("blocked", "SecurityError");
        },
      });
    });
    await speaker.say("blocked", "old");
    await visitor.enter(here, "blocked", "me");
    await visitor.sees("old");
    await hide(page, true);
    await speaker.say("blocked", "one");
    await visitor.sees("one");
    await hide(page, false);
    t.equal(await below(page), "one");
    await page.reload();
    await page.locator("#connection.connected").waitFor();
    t.equal(await below(page), undefined);
    t.same(visitor.problems, []);
  });
});
