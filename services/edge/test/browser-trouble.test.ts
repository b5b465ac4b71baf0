import { encodeEvent, type LogEvent } from "@madang/protocol";
import { eventually, full, HttpClient, natsConnection } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { systemFor, Visitor } from "./web-support.ts";

browserTest("the pages in a real browser during failures", async (t, browser) => {
  const system = await systemFor(t);
  const here = await system.edge();

  t.test("edits and deletions are shown, live and from history", async (t) => {
    const author = await full(t, here, "author", ["edits"]);
    const reader = await Visitor.come(browser);
    await reader.enter(here, "edits", "reader");
    const [first, second, third] = [
      await author.say("edits", "first"),
      await author.say("edits", "second"),
      await author.say("edits", "third"),
    ];
    await reader.sees("third");
    const lane = here.log.lane("edits");
    const publish = (event: Pick<LogEvent, "type"> & Record<string, unknown>) =>
      lane.publish(
        `${event.type}-${event["target"]}-${event["message"]}`,
        encodeEvent({ room: "edits", user: "author", at: new Date().toISOString(), ...event } as LogEvent),
      );
    await publish({ type: "edit", target: first.seq, message: "first, better" });
    await publish({ type: "delete", target: second.seq });
    await publish({ type: "edit", target: second.seq, message: "too late" });
    await publish({ type: "room", topic: "<i>what</i> we talk about", status: 1 });
    await publish({ type: "edit", target: third.seq, message: "last" });
    const expected = ["first, better", "삭제된 메시지예요.", "last"];
    const looksRight = async () => {
      t.same(await reader.texts(), expected);
      t.same(await reader.page.locator(".message:has(.edited) .text").allTextContents(), ["first, better", "last"]);
      t.equal(await reader.page.locator(".message.deleted").count(), 1);
      t.equal(await reader.page.locator("#room-topic").textContent(), "<i>what</i> we talk about");
      t.ok(await reader.page.locator("#chat-message-input").isDisabled(), "the room is read-only");
    };
    await reader.sees("last");
    await looksRight();
    await eventually(async () => {
      await reader.enter(here, "edits", "reader");
      // What the log still tells beside history has no place for what was deleted.
      return (await reader.page.locator(".message.deleted").count()) === 1;
    });
    await looksRight();
    t.same(reader.problems, []);
  });

  t.test("while persistence is away people chat in the room, and its history loads later", async (t) => {
    const early = await full(t, here, "early", ["later"]);
    await early.say("later", "before");
    const { persistence } = system;
    await persistence.kill("SIGKILL");
    const visitor = await Visitor.come(browser);
    await visitor.enter(here, "later", "visitor");
    const note = visitor.page.getByText("지난 대화는 잠시 뒤에 불러올게요.");
    t.ok(await note.isVisible());
    await visitor.say("meanwhile");
    await early.say("later", "answer");
    await visitor.sees("answer");
    t.same(await visitor.texts(), ["meanwhile", "answer"]);
    t.equal(await visitor.page.locator("#load-older").isVisible(), false, "it is asked for already");
    await visitor.page.evaluate(watchVoice);
    await persistence.restart();
    await visitor.sees("before");
    await note.waitFor({ state: "hidden" });
    await early.say("later", "after");
    await visitor.sees("after");
    t.same(await visitor.texts(), ["before", "meanwhile", "answer", "after"]);
    t.match(await readOut(visitor), { before: "off" }, "a screen reader does not read out what was said long ago");
    await eventually(async () => (await visitor.page.locator("#chat-log").getAttribute("aria-live")) === "polite");
    await early.say("later", "news");
    await visitor.sees("news");
    t.match(await readOut(visitor), { news: "polite" });
    t.ok(await visitor.page.locator("#beginning").isVisible());
  });

  t.test("messages written while the edge is down wait, also across a reload, and are stored once", async (t) => {
    const edge = await system.startEdge();
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await visitor.enter(edge, "gone", "민수");
    await visitor.say("one");
    await visitor.nothingPending();
    await edge.kill("SIGKILL");
    await page.locator("#connection.connecting").getByText("다시 연결하는 중").waitFor();
    await visitor.say("two");
    await visitor.say("three");
    t.equal(await page.locator(".pending").count(), 2);
    await edge.restart();
    await visitor.nothingPending();
    await page.locator("#connection.connected").waitFor();

    await edge.kill("SIGKILL");
    await visitor.say("four");
    await edge.restart();
    await visitor.enter(edge, "gone", "민수");
    await visitor.nothingPending();
    await eventually(async () => {
      await visitor.enter(edge, "gone", "민수");
      return (await visitor.texts()).includes("four");
    });
    t.same(await visitor.texts(), ["one", "two", "three", "four"]);
  });

  t.test("a message that the server refuses can be sent again or discarded", async (t) => {
    const words = t.testdir({ "words.txt": "rude\n" });
    const strict = await system.edge({ TEXT_MAX_CHARACTERS: "10", BLOCKED_WORDS_FILE: `${words}/words.txt` });
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await visitor.enter(strict, "refused", "me");
    await visitor.say("열자까지만 된다면서요");
    await page.locator("#composer-note").getByText("메시지는 10자까지 쓸 수 있어요. 지금은 11자예요.").waitFor();
    const input = page.locator("#chat-message-input");
    t.equal(await input.inputValue(), "열자까지만 된다면서요", "what was typed is not lost");
    await visitor.say("👩‍👩‍👧‍👦 rude");
    await page.locator("#composer-note").getByText("지금은 12자예요.").waitFor();
    await visitor.say("rude");
    const failed = page.locator(".message.failed");
    await failed.getByText("보내지 못했어요.").waitFor();
    const size = page.viewportSize()!;
    for (let width = 260; width <= 400; width += 20) {
      await page.setViewportSize({ ...size, width });
      const tops = await failed.getByRole("button").evaluateAll((all) => all.map((e) => e.getBoundingClientRect().top));
      t.same([tops.length, new Set(tops).size], [2, 1], `what can be done stands in one line, ${width} px`);
    }
    await page.setViewportSize(size);
    await page.emulateMedia({ media: "print" });
    t.equal(await failed.getByRole("button").first().isVisible(), false, "on paper there is nothing to press");
    await page.emulateMedia({ media: "screen" });
    await failed.getByRole("button", { name: "다시 보내기" }).click();
    await failed.getByText("보내지 못했어요.").waitFor();
    await visitor.say("too rude");
    await failed.nth(1).waitFor();
    await visitor.enter(strict, "refused", "you");
    t.same(await visitor.texts(), [], "what is not sent is of who said it");
    await visitor.enter(strict, "refused", "me");
    t.same(await failed.locator(".text").allTextContents(), ["rude", "too rude"], "a reload does not lose it");
    t.equal(await page.locator("#empty-room").isVisible(), false);
    for (const left of [1, 0]) {
      await failed.getByRole("button", { name: "지우기" }).first().click();
      await eventually(async () => (await failed.count()) === left);
    }
    await visitor.say("short");
    await visitor.nothingPending();
    await page.reload();
    await visitor.sees("short");
    t.same(await visitor.texts(), ["short"], "nor brings back what was discarded");
    t.same(visitor.problems, []);
  });

  t.test("when the log is recreated, the page continues from history and the new log", async (t) => {
    const speaker = await full(t, here, "speaker", ["anew"]);
    const visitor = await Visitor.come(browser);
    await visitor.enter(here, "anew", "visitor");
    await speaker.say("anew", "old");
    await visitor.sees("old");
    await eventually(async () => (await new HttpClient(here).texts("anew")).includes("old"));
    await (await natsConnection(t, system.nats)).jsm.streams.delete("CHAT");
    for (const text of ["new 1", "new 2", "new 3"]) await speaker.say("anew", text);
    await visitor.page.locator("#chat-log .text").getByText("new 3").waitFor({ timeout: 45_000 });
    await visitor.say("and on");
    await visitor.nothingPending();
    t.same(await visitor.texts(), ["old", "new 1", "new 2", "new 3", "and on"]);
    await visitor.page.locator("#history-note").waitFor({ state: "hidden", timeout: 30_000 });
  });
});

/** Notes for each text that comes into the log whether a screen reader would read it out. Runs in the page. */
function watchVoice(): void {
  const log = document.querySelector("#chat-log")!;
  const voice: Record<string, string | null> = {};
  Object.assign(window, { voice });
  new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) {
        const text = node instanceof Element && node.querySelector(".text")?.textContent;
        if (text) voice[text] = log.getAttribute("aria-live");
      }
    }
  }).observe(log, { childList: true });
}

const readOut = ({ page }: Visitor) =>
  page.evaluate(() => (window as unknown as { voice: Record<string, string> }).voice);
