import { eventually, full, HttpClient } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { comeTo, systemFor, Visitor } from "./web-support.ts";

browserTest("reading a long log in a real browser", async (t, browser) => {
  const system = await systemFor(t);
  const [here, there] = [await system.edge(), await system.edge()];

  t.test("older messages load when the reader scrolls up, and the page keeps their place", async (t) => {
    const speaker = await full(t, here, "speaker", ["long"]);
    const all = Array.from({ length: 130 }, (_, i) => `message ${i}`);
    for (const text of all) await speaker.say("long", text);
    const visitor = await Visitor.come(browser);
    await eventually(async () => {
      await visitor.enter(here, "long", "reader");
      return (await visitor.texts()).at(-1) === all.at(-1);
    });
    const { page } = visitor;
    t.equal((await visitor.texts()).length, 50);
    t.equal(await page.evaluate(distanceToEnd), 0, "a page begins at its end");
    for (const expected of [100, 130]) {
      const [oldest] = await page.locator(".message").all();
      const text = await oldest!.locator(".text").textContent();
      await page.locator("#chat-log").evaluate((log) => log.scrollTo({ top: 0, behavior: "instant" }));
      await eventually(async () => (await visitor.texts()).length === expected);
      const shown = page.locator("#chat-log .text").getByText(text!, { exact: true });
      t.ok(await shown.evaluate((element) => element.getBoundingClientRect().top < innerHeight / 2), "in place");
    }
    t.same(await visitor.texts(), all);
    t.ok(await page.locator("#beginning").isVisible());
    t.equal(await page.locator("#load-older").isVisible(), false);
    t.equal(await page.locator(".day").count(), 1);

    await speaker.say("long", "news");
    await page.getByRole("button", { name: "새 메시지 1개" }).click();
    await eventually(async () => (await page.evaluate(distanceToEnd)) === 0);
    t.equal(await page.locator("#to-newest").isVisible(), false);
    t.same(visitor.problems, []);
  });

  t.test("a window higher than a page of history fills up by itself", async (t) => {
    const speaker = await full(t, here, "speaker", ["high"]);
    const all = Array.from({ length: 130 }, (_, i) => `message ${i}`);
    for (const text of all) await speaker.say("high", text);
    const visitor = await Visitor.come(browser, { viewport: { width: 800, height: 6000 } });
    await visitor.enter(here, "high", "reader");
    await eventually(async () => (await visitor.texts()).length === all.length);
    t.same(await visitor.texts(), all);
    t.ok(await visitor.page.locator("#beginning").isVisible());
  });

  t.test("an older page that comes when the log has begun anew elsewhere makes no hole", async (t) => {
    const speaker = await full(t, here, "speaker", ["late"]);
    const all = Array.from({ length: 190 }, (_, i) => `message ${i}`);
    const http = new HttpClient(here);
    const stored = (count: number) =>
      eventually(async () => (await http.history("late", "limit=1"))[0]?.message === all[count - 1]);
    for (const text of all.slice(0, 130)) await speaker.say("late", text);
    await stored(130);
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    let beginAnew = () => {};
    await page.routeWebSocket(/\/ws$/, (socket) => {
      socket.connectToServer();
      beginAnew = () => {
        const joined = { type: "joined", room: "late", epoch: "0", position: "0.0", recovered: false };
        socket.send(JSON.stringify(joined));
      };
    });
    let release = () => {};
    const late = new Promise<void>((resolve) => {
      release = resolve;
    });
    let held = 0;
    await page.route("**/messages?before=*", async (route) => {
      held++;
      await late;
      await route.continue();
    });
    await visitor.enter(here, "late", "reader");
    await page.locator("#chat-log").evaluate((log) => log.scrollTo({ top: 0, behavior: "instant" }));
    await eventually(async () => held === 1);
    for (const text of all.slice(130)) await speaker.say("late", text);
    await stored(190);
    beginAnew();
    await eventually(async () => (await visitor.texts())[0] === all[140]);
    const answered = page.waitForResponse(/before=/);
    release();
    await answered;
    await page.locator("#chat-log").evaluate((log) => log.scrollTo({ top: 0, behavior: "instant" }));
    await eventually(async () => (await visitor.texts()).length > 50);
    const shown = await visitor.texts();
    t.same(shown, all.slice(-shown.length), "no hole");
  });

  t.test("an own message from another tab does not move a reader further up", async (t) => {
    const speaker = await full(t, here, "speaker", ["tabs"]);
    for (let i = 0; i < 60; i++) await speaker.say("tabs", `message ${i}`);
    const reading = await comeTo(browser, here, "tabs", "me");
    const writing = await comeTo(browser, there, "tabs", "me");
    await eventually(async () => (await reading.texts()).length >= 50);
    const top = () => reading.page.locator("#chat-log").evaluate(({ scrollTop }) => Math.round(scrollTop));
    await reading.page.locator("#chat-log").evaluate((log) => log.scrollBy({ top: -500, behavior: "instant" }));
    const before = await top();
    await writing.say("from the other tab");
    await reading.sees("from the other tab");
    t.equal(await top(), before);
    const pill = reading.page.locator("#to-newest");
    t.equal(await pill.textContent(), "최근 메시지로", "one's own words are no news");
    await pill.focus();
    await reading.page.keyboard.press("Enter");
    await eventually(async () => (await reading.page.evaluate(distanceToEnd)) === 0);
    t.equal(await reading.page.evaluate(() => document.activeElement?.id), "chat-log", "focus is not lost with it");
  });

  t.test("a page that sees very much lets go of its oldest messages, and gets them again", async (t) => {
    const speaker = await full(t, there, "speaker", ["much"]);
    const visitor = await comeTo(browser, here, "much", "reader");
    const all = Array.from({ length: 1600 }, (_, i) => `message ${i}`);
    for (let i = 0; i < all.length; i += 100) {
      await Promise.all(all.slice(i, i + 100).map((text) => speaker.say("much", text)));
    }
    await visitor.sees(all.at(-1)!);
    const kept = await visitor.texts();
    t.ok(kept.length < 1500, `${kept.length} are shown`);
    t.same(kept, all.slice(-kept.length));
    await visitor.page.locator("#chat-log").evaluate((log) => log.scrollTo({ top: 0, behavior: "instant" }));
    await eventually(async () => (await visitor.texts()).length === kept.length + 50);
    t.same(await visitor.texts(), all.slice(-kept.length - 50));
    t.same(visitor.problems, []);
  });

  t.test("the title of a hidden page counts the messages that came meanwhile", async (t) => {
    const speaker = await full(t, here, "speaker", ["title"]);
    const { page } = await comeTo(browser, here, "title", "me");
    const hide = (hidden: boolean) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    t.equal(await page.title(), "title · 마당");
    await hide(true);
    for (const text of ["one", "two"]) await speaker.say("title", text);
    await eventually(async () => (await page.title()) === "(2) title · 마당");
    await hide(false);
    t.equal(await page.title(), "title · 마당");

    const titles = page.evaluate(
      () =>
        new Promise<string[]>((resolve) => {
          const told: string[] = [];
          new MutationObserver((changes) => {
            told.push(...changes.map(() => document.title));
            if (document.title.startsWith("(400)")) resolve(told);
          }).observe(document.querySelector("title")!, { childList: true });
        }),
    );
    await hide(true);
    await Promise.all(Array.from({ length: 400 }, (_, i) => speaker.say("title", `more ${i}`)));
    const told = (await titles).length;
    t.ok(told < 400, `a busy room changes it now and then: ${told} times`);
    await hide(false);
    t.equal(await page.title(), "title · 마당");
  });
});

/** Runs in the page. */
function distanceToEnd(): number {
  const log = document.querySelector("#chat-log")!;
  return Math.round(log.scrollHeight - log.scrollTop - log.clientHeight);
}

/** Buttons and fields that are smaller than a fingertip. */
