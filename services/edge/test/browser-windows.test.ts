import { full } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { roomUrl, systemFor, Visitor } from "./web-support.ts";

browserTest("windows of all sizes, paper and drafts in a real browser", async (t, browser) => {
  const system = await systemFor(t);
  const here = await system.edge();

  t.test("a narrow or low window, large letters, paper: the conversation can be read", async (t) => {
    const speaker = await full(t, here, "speaker", ["small"]);
    for (let i = 0; i < 60; i++) await speaker.say("small", `message ${i}`);
    const visitor = await Visitor.come(browser, { viewport: { width: 360, height: 740 }, locale: "en-US" });
    await visitor.enter(here, "small", "a reader");
    const { page } = visitor;
    const box = async (selector: string) => (await page.locator(selector).boundingBox())!;
    await page.locator("#chat-log").evaluate((log) => log.scrollBy({ top: -500, behavior: "instant" }));
    await page.locator("#to-newest").waitFor();
    await speaker.say("small", "news");
    await page.locator("#to-newest.unread").waitFor();
    t.ok((await box("#to-newest")).height <= 46, "the number of new messages stands in one line");

    await page.setViewportSize({ width: 360, height: 225 });
    await page.locator("#chat-message-input").fill("1\n2\n3\n4\n5\n6\n7\n8");
    const header = await box(".page-header");
    t.ok(
      (await box(".page-footer")).y - header.y - header.height > 70,
      "a 1440 x 900 window at 400 %, with a long draft",
    );
    await page.locator("#chat-message-input").fill("");
    await page.setViewportSize({ width: 360, height: 740 });

    const name = (await box("h1")).width;
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("html { font-size: 200% }");
      document.adoptedStyleSheets = [sheet];
    });
    t.ok((await box("h1")).width >= name, "letters twice as large leave room for the name of the room");
    t.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    t.ok((await box("#chat-message-input")).height > 80, "and a line to write in");

    await page.emulateMedia({ media: "print" });
    const shown = await page.locator(".message").evaluateAll((all) =>
      all.every((message) => {
        const log = document.querySelector("#chat-log")!.getBoundingClientRect();
        return message.getBoundingClientRect().bottom <= log.bottom;
      }),
    );
    t.ok(shown, "paper has all of the log");
    for (const part of ["#composer", "#to-newest", "#room-leave"]) {
      t.equal(await page.locator(part).isVisible(), false, part);
    }
    t.same(visitor.problems, []);
  });

  t.test("names and drafts that are written from right to left begin where their readers begin", async (t) => {
    const visitor = await Visitor.come(browser, { viewport: { width: 360, height: 740 } });
    const { page } = visitor;
    await page.goto(`http://127.0.0.1:${here.port}/chat/`);
    const direction = (selector: string) => page.locator(selector).evaluate((e) => getComputedStyle(e).direction);
    await page.locator("#room-name-input").fill("غرفة!");
    await page.locator("#nickname-input").fill("فاطمة!");
    t.same([await direction("#room-name-input"), await direction("#nickname-input")], ["rtl", "rtl"]);
    await visitor.enter(here, "غرفة الدردشة الطويلة جدا جدا جدا جدا", "فاطمة");
    const begins = await page.locator("h1").evaluate((heading) => {
      const range = document.createRange();
      range.setStart(heading.firstChild!, 0);
      range.setEnd(range.startContainer, 1);
      const [letter, box] = [range.getBoundingClientRect(), heading.getBoundingClientRect()];
      return letter.left >= box.left - 1 && letter.right <= box.right + 1;
    });
    t.ok(begins, "of a long name the end is cut off, not the beginning");
    await page.locator("#chat-message-input").fill("مرحبا!");
    t.equal(await direction("#chat-message-input"), "rtl");
    await page.locator("#chat-message-input").fill("hello!");
    t.equal(await direction("#chat-message-input"), "ltr");
    await page.goto(`http://127.0.0.1:${here.port}/chat/`);
    t.equal(await direction("#visited button"), "rtl", "nor that of a room visited");
    t.same(visitor.problems, []);
  });

  t.test("with the colours of a high contrast theme the lines between days can still be seen", async (t) => {
    await (await full(t, here, "speaker", ["contrast"])).say("contrast", "hello");
    const visitor = await Visitor.come(browser, { forcedColors: "active" });
    await visitor.enter(here, "contrast", "me");
    await visitor.sees("hello");
    const line = await visitor.page.locator(".day").evaluate((day) => {
      const { borderTopStyle, borderTopWidth, borderTopColor } = getComputedStyle(day, "::before");
      const isSeen = borderTopColor !== getComputedStyle(document.body).backgroundColor;
      return { borderTopStyle, borderTopWidth, isSeen };
    });
    t.same(line, { borderTopStyle: "solid", borderTopWidth: "1px", isSeen: true });
  });

  t.test("where the clock is wrong by a day, the date above a message is the server's all the same", async (t) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await page.clock.setFixedTime(Date.now() + 24 * 60 * 60_000);
    await visitor.enter(here, "tomorrow", "me");
    await visitor.say("now");
    const message = page.locator("#chat-log .message[data-position]");
    await message.getByText("now").waitFor();
    const dates = () =>
      page.locator("#chat-log time").evaluateAll((all) => all.map((time) => time.getAttribute("datetime")));
    const [day, time] = await dates();
    t.equal(day, time);
    t.ok(Date.parse(day!) < Date.now() + 60_000, `${day}`);
    t.same(visitor.problems, []);
  });

  t.test("a draft survives a late script, a reload and going back", async (t) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    const input = page.locator("#chat-message-input");
    const submit = page.locator("#chat-message-submit");
    let load = () => {};
    const slow = new Promise<void>((resolve) => {
      load = resolve;
    });
    await page.route("**/assets/page-*.js", async (route) => {
      await slow;
      await route.continue();
    });
    await page.goto(roomUrl(here, "typed", "me"), { waitUntil: "commit" });
    await input.fill("early");
    await submit.click({ force: true });
    t.ok(await submit.isDisabled(), "there is nothing yet that could send it");
    load();
    await page.locator("#connection.connected").waitFor();
    t.equal(await input.inputValue(), "early");
    await submit.click();
    await visitor.nothingPending();

    await input.fill("half\na sentence\nof three lines");
    const { height } = (await input.boundingBox())!;
    await page.reload();
    await page.locator("#connection.connected").waitFor();
    t.equal(await input.inputValue(), "half\na sentence\nof three lines");
    t.equal((await input.boundingBox())!.height, height);
    await visitor.enter(here, "elsewhere", "me");
    t.equal(await input.inputValue(), "", "it is of this room");
    await page.goBack();
    await page.locator("#connection.connected").waitFor();
    t.equal(await input.inputValue(), "half\na sentence\nof three lines");
    await input.press("Enter");
    await visitor.nothingPending();
    await page.reload();
    await page.locator("#connection.connected").waitFor();
    t.equal(await input.inputValue(), "", "what was said is no draft any more");
    t.same(visitor.problems, []);
  });
});
