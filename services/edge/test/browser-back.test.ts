import { eventually, full } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { systemFor, Visitor } from "./web-support.ts";

browserTest("reading far back in a real browser", async (t, browser) => {
  const system = await systemFor(t);
  const [here, there] = [await system.edge(), await system.edge()];

  t.test("a page far up in the log stays light, and loads again the messages that it dropped", async (t) => {
    const speaker = await full(t, there, "speaker", ["back"]);
    const all = Array.from({ length: 1670 }, (_, i) => `message ${i}`);
    for (const text of all.slice(0, 70)) await speaker.say("back", text);
    const visitor = await Visitor.come(browser);
    await eventually(async () => {
      await visitor.enter(here, "back", "reader");
      return (await visitor.texts()).at(-1) === all[69];
    });
    const { page } = visitor;
    const log = page.locator("#chat-log");
    const shown = () => visitor.texts();
    const top = () => log.evaluate(({ scrollTop }) => Math.round(scrollTop));
    const goTo = (end: "top" | "bottom") =>
      log.evaluate((log, top) => log.scrollTo({ top, behavior: "instant" }), end === "top" ? 0 : 1e9);
    /** Where a message is in the window. */
    const place = (text: string) =>
      page
        .locator("#chat-log .text")
        .getByText(text, { exact: true })
        .evaluate((element) => Math.round(element.getBoundingClientRect().top));
    await log.evaluate((log) => log.scrollBy({ top: -700, behavior: "instant" }));
    const before = await top();
    let position = "";
    const sayAll = async (texts: string[]) => {
      for (let i = 0; i < texts.length; i += 100) {
        const acks = await Promise.all(texts.slice(i, i + 100).map((text) => speaker.say("back", text)));
        position = `${acks.at(-1)!["epoch"]}.${acks.at(-1)!["seq"]}`;
      }
    };
    await sayAll(all.slice(70, 1500));
    const seen = position;
    await sayAll(all.slice(1500));
    const pill = page.locator("#to-newest");
    await eventually(async () => (await pill.textContent()) === "새 메시지 1600개");
    const most = await shown();
    t.ok(most.length > 1000 && most.length < 1600, `${most.length} are shown`);
    t.same(most, all.slice(20, 20 + most.length), "without a hole");
    t.equal(await top(), before, "and nothing moves");

    await goTo("top");
    await page.locator("#beginning").waitFor();
    t.same(await shown(), all.slice(0, 1000), "the far end is let go of");
    await goTo("bottom");
    const lastShown = await place("message 999");
    await eventually(async () => (await shown()).includes("message 1049"));
    t.same(await shown(), all.slice(0, 1050), "and comes again when somebody goes there");
    t.equal(await place("message 999"), lastShown, "in place");

    const news = page.locator(".unread-line");
    t.equal(await news.count(), 1);
    const tab = await visitor.context.newPage();
    await tab.goto(`http://127.0.0.1:${here.port}/chat/`);
    const entry = JSON.stringify([["back", seen]]);
    await tab.evaluate((entry) => localStorage.setItem("madang:seen", entry), entry);
    await eventually(async () => (await news.count()) === 0);

    await pill.click();
    await visitor.sees(all.at(-1)!);
    await eventually(async () => (await page.evaluate(distanceToEnd)) === 0);
    t.same(await shown(), all.slice(-50), "the newest is one step away");
    const below = page.locator(".unread-line + .message .text, .unread-line + .day + .message .text");
    t.equal(
      await below.textContent(),
      all.at(-50),
      "and unread, though it was not on the page when another tab reported what was seen",
    );
    await visitor.say("my own");
    await visitor.nothingPending();
    t.equal((await shown()).at(-1), "my own");

    await log.evaluate((log) => log.scrollBy({ top: -700, behavior: "instant" }));
    const more = Array.from({ length: 1550 }, (_, i) => `more ${i}`);
    await sayAll(more);
    await page.locator("#load-newer").waitFor({ state: "attached" });
    await eventually(
      async () => {
        await goTo("bottom");
        return (await shown()).at(-1) === more.at(-1) && (await page.locator("#load-newer").count()) === 0;
      },
      { limitMs: 40_000 },
    );
    const last = await shown();
    t.ok(last.length >= 1000 && last.length < 1500, `${last.length} are shown`);
    t.same(last, more.slice(-last.length), "who walks there meets no hole");
    await speaker.say("back", "live again");
    await visitor.sees("live again");
    t.same(visitor.problems, []);
  });
});

/** Runs in the page. */
function distanceToEnd(): number {
  const log = document.querySelector("#chat-log")!;
  return Math.round(log.scrollHeight - log.scrollTop - log.clientHeight);
}
