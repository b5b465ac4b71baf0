import { eventually, full } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { comeTo, roomUrl, systemFor, Visitor } from "./web-support.ts";

const EVIL = `"><img src=x onerror="window.hurt=1"><script>window.hurt=2</script><svg onload='window.hurt=3'>`;

browserTest("the pages in a real browser", async (t, browser) => {
  const system = await systemFor(t);
  const [here, there] = [await system.edge(), await system.edge()];

  t.test("two people on two edges talk, and a later visitor reads it", async (t) => {
    const minsu = await Visitor.come(browser);
    await minsu.page.goto(`http://127.0.0.1:${here.port}/`);
    await minsu.page.locator("#room-name-input").fill("수다방");
    await minsu.page.locator("#nickname-input").fill("민수");
    await minsu.page.keyboard.press("Enter");
    await minsu.page.locator("#connection.connected").waitFor();
    t.equal(minsu.page.url(), roomUrl(here, "수다방", "민수"));
    t.ok(await minsu.page.getByText("아직 메시지가 없어요.").isVisible());

    const sora = await Visitor.come(browser, { locale: "en-US" });
    await sora.enter(there, "수다방", "Sora");
    await minsu.say("안녕하세요 🙂");
    await sora.sees("안녕하세요 🙂");
    await sora.say("Hello!");
    await minsu.sees("Hello!");
    await minsu.nothingPending();
    t.equal(await minsu.page.locator("#chat-message-input").inputValue(), "");
    t.equal(await minsu.page.locator("#empty-room").isVisible(), false);
    t.same([await minsu.texts(), await sora.texts()], Array(2).fill(["안녕하세요 🙂", "Hello!"]));

    await minsu.say("   ");
    await minsu.page.locator("#chat-message-submit").click();
    const late = await Visitor.come(browser);
    await eventually(async () => {
      await late.enter(here, "수다방", "늦은이");
      return (await late.texts()).length === 2;
    });
    t.same(await late.texts(), ["안녕하세요 🙂", "Hello!"], "an empty message is not sent");
    t.equal(
      await late.page.locator("time").last().getAttribute("datetime"),
      await late.page.locator(".message").last().getAttribute("data-at"),
    );

    await minsu.page.locator("#room-leave").click();
    await minsu.page.waitForURL(`http://127.0.0.1:${here.port}/chat`);
    t.equal(await minsu.page.locator("#nickname-input").inputValue(), "민수", "the nickname is remembered");
    await minsu.page.getByRole("button", { name: "수다방" }).click();
    await minsu.page.waitForURL(roomUrl(here, "수다방", "민수"));
    for (const { problems } of [minsu, sora, late]) t.same(problems, []);
  });

  t.test("F4 the others see a person type until the message comes, or the person stops", async (t) => {
    const minsu = await Visitor.come(browser);
    const sora = await Visitor.come(browser, { locale: "en-US", viewport: { width: 360, height: 640 } });
    await minsu.enter(here, "typing", "민수");
    await sora.enter(there, "typing", "Sora");
    const line = sora.page.locator("#typing");
    const input = minsu.page.locator("#chat-message-input");
    await input.pressSequentially("안녕");
    await line.filter({ hasText: /^민수 is typing…$/ }).waitFor();
    t.equal(await minsu.page.locator("#typing").textContent(), "", "not to oneself");
    await input.press("Enter");
    await sora.sees("안녕");
    t.equal(await line.textContent(), "");
    await input.pressSequentially("?");
    await line.filter({ hasText: "민수" }).waitFor();
    await line.filter({ hasNotText: "민수" }).waitFor({ state: "attached" });
    for (const { problems } of [minsu, sora]) t.same(problems, []);
  });

  t.test("no message is missing or repeated between the history of a page and its live part", async (t) => {
    const speaker = await full(t, there, "speaker", ["seam"]);
    await speaker.next("caughtUp");
    const all: string[] = [];
    let speaking = true;
    const speech = (async () => {
      while (speaking) {
        all.push(String(all.length));
        await speaker.say("seam", all.at(-1)!);
      }
    })();
    await eventually(() => all.length > 60);
    const visitor = await Visitor.come(browser);
    for (let i = 0; i < 5; i++) {
      await visitor.enter(here, "seam", "reader");
      const enough = all.length + 20;
      await eventually(() => all.length > enough);
    }
    speaking = false;
    await speech;
    await visitor.sees(all.at(-1)!);
    const texts = await visitor.texts();
    t.same(texts, all.slice(-texts.length));
    t.ok(texts.length > 50);
    t.same(visitor.problems, []);
  });

  t.test("script injection: names, messages and room names never run, live or from history", async (t) => {
    const room = EVIL.replaceAll("/", "\\");
    const texts = [
      EVIL,
      "javascript:alert(1)",
      "<b>bold</b> & &lt;",
      'https://a.example/"onmouseover=alert(1)//',
      "<!--",
    ];
    const [attacker, victim] = [await comeTo(browser, here, room, EVIL), await comeTo(browser, there, room, "victim")];
    for (const text of texts) {
      await attacker.say(text);
      await victim.sees(text);
    }
    t.same(await victim.texts(), texts);
    await eventually(async () => {
      await victim.enter(there, room, "victim");
      return (await victim.texts()).length === texts.length;
    });
    t.same(await victim.texts(), texts, "from history");
    for (const { page } of [attacker, victim]) {
      t.equal(await page.evaluate(() => (window as { hurt?: number }).hurt), undefined);
      t.equal(await page.locator("#chat-log .message :is(img, script, svg, b)").count(), 0);
      const links = await page
        .locator("#chat-log a")
        .evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.getAttribute("rel")]));
      t.same(links, [["https://a.example/", "noopener noreferrer nofollow"]]);
    }
    // Even a mistake of ours would not run it: the policy takes no text where the browser expects code.
    const tries = await victim.page.evaluate(() => {
      const refused = (attempt: () => void) => {
        try {
          attempt();
        } catch (error) {
          return String(error);
        }
        return "done";
      };
      return [
        refused(() => document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hurt=4'>")),
        refused(() => document.createElement("img").setAttribute("onerror", "window.hurt=5")),
      ];
    });
    t.match(tries, [/TrustedHTML/, /TrustedScript/]);
  });

  t.test("all steps with the keyboard alone, and with an input method", async (t) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    const focused = () => page.evaluate(() => document.activeElement?.id);
    await page.goto(`http://127.0.0.1:${here.port}/chat/`);
    t.equal(await focused(), "room-name-input");
    await page.keyboard.press("Enter");
    await page.locator("#room-error").getByText("방 이름을 입력하세요.").waitFor();
    t.equal(await page.locator("#room-name-input").getAttribute("aria-invalid"), "true");
    await page.keyboard.type("keys");
    await page.keyboard.press("Tab");
    await page.keyboard.type("손");
    await page.keyboard.press("Tab");
    t.equal(await focused(), "room-name-submit");
    await page.keyboard.press("Space");
    await page.locator("#connection.connected").waitFor();
    t.equal(await focused(), "chat-message-input");

    const outline = await page
      .locator("#chat-message-input")
      .evaluate((element) => getComputedStyle(element).outlineStyle);
    t.equal(outline, "solid", "the focus is seen");
    await page.keyboard.type("first");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second");
    await page.keyboard.press("Enter");
    await visitor.sees("first\nsecond");

    // 한글: Enter ends the composition; it does not send what is half written.
    const input = await visitor.context.newCDPSession(page);
    await input.send("Input.imeSetComposition", { text: "안녀", selectionStart: 2, selectionEnd: 2 });
    await page.locator("#chat-message-input").evaluate((element) => {
      for (const key of [{ isComposing: true }, { keyCode: 229 }]) {
        element.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...key }));
      }
    });
    t.equal(await page.locator("#chat-message-input").inputValue(), "안녀");
    await input.send("Input.insertText", { text: "안녕" });
    await page.keyboard.press("Enter");
    await visitor.sees("안녕");
    t.same(await visitor.texts(), ["first\nsecond", "안녕"]);

    await page.keyboard.press("Shift+Tab");
    t.equal(await focused(), "chat-log", "the log can be scrolled by keys");
    await page.keyboard.press("Shift+Tab");
    t.equal(await focused(), "room-leave");
    await page.keyboard.press("Enter");
    await page.waitForURL(`http://127.0.0.1:${here.port}/chat`);
    t.same(visitor.problems, []);
  });

  t.test("on a phone: nothing scrolls sideways, all can be touched; light and dark can be read", async (t) => {
    for (const colorScheme of ["light", "dark"] as const) {
      const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, colorScheme };
      const visitor = await Visitor.come(browser, phone);
      const { page } = visitor;
      const room = `${"긴".repeat(50)}-${colorScheme}`;
      const measure = async (place: string) => {
        t.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, `${place}, ${colorScheme}`);
        t.same(await page.evaluate(smallTargets), [], `touch targets: ${place}`);
        t.same(await page.evaluate(faintTexts), [], `contrast: ${place}, ${colorScheme}`);
      };
      await page.goto(`http://127.0.0.1:${here.port}/`);
      await measure("entrance");
      await visitor.enter(here, room, "길고긴이름".repeat(20));
      await measure("empty room");
      const other = await full(t, there, "x".repeat(100), [room]);
      for (const text of ["w".repeat(2000), "https://a.example/".padEnd(300, "u"), "짧게", "다시"]) {
        await other.say(room, text, text.slice(0, 100));
        await visitor.say(text);
      }
      await eventually(async () => (await visitor.texts()).length === 8);
      await visitor.nothingPending();
      await measure("room");
      const input = await page.locator("#chat-message-submit").boundingBox();
      t.ok(input && input.y + input.height <= 640, "the composer is in sight");
      await page.goto(`http://127.0.0.1:${here.port}/chat/%20/x`);
      await measure("error");
    }
  });

  t.test("without JavaScript a room can be read", async (t) => {
    const speaker = await full(t, here, "말하는 이", ["plain"]);
    await speaker.say("plain", "see https://a.example/");
    const { page } = await Visitor.come(browser, { javaScriptEnabled: false });
    await eventually(async () => {
      await page.goto(roomUrl(here, "plain", "reader"));
      return (await page.locator(".message").count()) === 1;
    });
    t.equal(await page.locator(".message .text").textContent(), "see https://a.example/");
    t.equal(await page.locator(".message a").getAttribute("href"), "https://a.example/");
    t.match(await page.locator("noscript").textContent(), "읽기만");
    for (const id of ["#composer", "#connection"]) t.equal(await page.locator(id).isVisible(), false, id);
  });

  t.test("forbidden, damaged or full storage affects nothing else", async (t) => {
    const cases = {
      forbidden: () =>
        Object.defineProperty(window, "localStorage", {
          get() {
            throw new DOMException("no", "SecurityError");
          },
        }),
      damaged: () => {
        Storage.prototype.getItem = () => {
          throw new DOMException("damaged");
        };
      },
      nonsense: () => {
        localStorage.setItem("madang:rooms", '[1, null, "<b>x</b>"]');
        localStorage.setItem("madang:nickname", "\u0000");
      },
      full: () => localStorage.setItem("full", "x".repeat(5 * 1024 * 1024 - 30)),
    };
    for (const [name, damage] of Object.entries(cases)) {
      const visitor = await Visitor.come(browser);
      const { page } = visitor;
      await page.addInitScript(damage);
      await page.goto(`http://127.0.0.1:${here.port}/`);
      await page.locator("#room-name-input").fill(`storage-${name}`);
      await page.locator("#nickname-input").fill("me");
      await page.keyboard.press("Enter");
      await page.locator("#connection.connected").waitFor();
      await visitor.say(name);
      await visitor.sees(name);
      await visitor.nothingPending();
      t.same(visitor.problems, [], name);
    }
  });
});

// What follows runs in the page.

/** Buttons and fields that are smaller than a fingertip. */
function smallTargets(): string[] {
  return [...document.querySelectorAll<HTMLElement>("button, input, textarea, a:not(.text a)")]
    .filter((element) => element.offsetParent !== null && (element.offsetHeight < 44 || element.offsetWidth < 44))
    .map((element) => element.outerHTML);
}

/** Texts whose contrast to what is behind them is below WCAG's AA. */
function faintTexts(): string[] {
  const channels = (color: string) => color.match(/[\d.]+/g)!.map(Number);
  const luminance = (rgb: number[]) => {
    const [r, g, b] = rgb
      .slice(0, 3)
      .map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const ground = (element: Element | null): number[] => {
    if (!element) return [255, 255, 255];
    const color = channels(getComputedStyle(element).backgroundColor);
    return color[3] === 0 ? ground(element.parentElement) : color;
  };
  const faint: string[] = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement!;
    if (!node.textContent?.trim() || !element.checkVisibility({ opacityProperty: true })) continue;
    if (element.closest("noscript, .visually-hidden")) continue;
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))].sort(
      (x, y) => y - x,
    );
    const contrast = (a! + 0.05) / (b! + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${element.className} ${node.textContent.slice(0, 40)}`);
  }
  return faint;
}
