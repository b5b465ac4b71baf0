import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import t from "tap";
import { adminSystem, Clicker, eventually, TOKEN } from "./admin-support.ts";
import { message } from "./support.ts";

const PHONE = { width: 360, height: 740 };

function findChromium(): string | undefined {
  const { CHROMIUM_BIN, PATH = "" } = process.env;
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const places = PATH.split(delimiter).flatMap((dir) => names.map((name) => join(dir, name)));
  return [...(CHROMIUM_BIN ? [CHROMIUM_BIN] : []), ...places].find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Each sets `hit` if a page treats it as anything but text. Room names cannot contain "/". */
const ATTACKS = [
  "<script>window.hit=1<\u2215script>",
  "<img src=x onerror=window.hit=1>",
  '"><svg onload=window.hit=1>',
  "' autofocus onfocus='window.hit=1",
  "<%= (globalThis.hit = 1) %><%~ hit %>",
  "{{constructor.constructor('window.hit=1')()}}",
  "javascript:window.hit=1",
  "]]><iframe srcdoc='<script>parent.hit=1'>",
];
const SLASHED = [
  "<script>window.hit=1</script>",
  "</textarea></title></pre><script>window.hit=1</script>",
  "<a href=javascript:window.hit=1>x</a>",
];

const executablePath = findChromium();
const skip = executablePath ? false : "no Chromium was found on PATH (CHROMIUM_BIN names another one)";
if (skip && process.env["CI"] === "true") t.fail(skip);

t.test(
  "the admin page shows all input as text, and works on a phone and by keyboard",
  { skip, timeout: 110_000 },
  async (t) => {
    const { persistence, publisher, inside } = await adminSystem(t);
    const browser: Browser = await chromium.launch({
      executablePath: executablePath!,
      args: ["--headless", "--no-sandbox", "--disable-gpu"],
    });
    t.teardown(() => browser.close());
    const clicker = new Clicker(persistence.url);
    await clicker.login();
    for (const attack of ATTACKS) {
      await clicker.submit("/admin/rooms", { room: attack });
      await clicker.submit("/admin/room", { room: attack, topic: attack, status: "0", slowModeS: "0" });
      await clicker.submit("/admin/people", { act: "ban", user: attack, userId: attack, room: attack, reason: attack });
      await publisher.publish({ ...message(attack, attack), user: attack, userId: attack } as never);
      await publisher.raw("chat.log.00.a", attack);
    }
    for (const attack of SLASHED) await publisher.publish({ ...message(ATTACKS[0]!, attack), user: attack } as never);
    await eventually("everything is stored", async () => {
      const [messages, letters] = await Promise.all([inside.dump("messages"), inside.dump("dead_letters")]);
      return messages.length === ATTACKS.length + SLASHED.length && letters.length === ATTACKS.length;
    });

    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ viewport: PHONE, colorScheme });
      const page: Page = await context.newPage();
      const trouble: string[] = [];
      page.on("dialog", (dialog) => {
        trouble.push("a dialog");
        void dialog.dismiss();
      });
      page.on("pageerror", ({ message }) => trouble.push(message));
      page.on("console", (line) => {
        if (line.type() === "error") trouble.push(line.text());
      });
      await page.goto(`${persistence.url}/admin/`);
      // The field has the focus, so the keyboard is enough.
      await page.locator("input[name=token]:focus").waitFor();
      await page.keyboard.type(TOKEN);
      await page.keyboard.press("Enter");
      await page.waitForURL(`${persistence.url}/admin/`);
      await page.keyboard.press("Tab");
      t.equal(await page.evaluate("document.activeElement.textContent"), "Skip to the content");

      const encoded = ATTACKS.map(encodeURIComponent);
      const paths = [
        ...["", "rooms", "messages", "people", "dead-letters", "audit"],
        ...encoded.flatMap((attack) => [
          `rooms?q=${attack}`,
          `room?room=${attack}`,
          `messages?room=${attack}`,
          `messages?text=${attack}&person=${attack}`,
          `people?user=${attack}&userId=${attack}&room=${attack}`,
        ]),
        ...SLASHED.map((attack) => `messages?text=${encodeURIComponent(attack)}`),
      ];
      for (const path of paths) {
        await page.goto(`${persistence.url}/admin/${path}`);
        const seen = (await page.evaluate(
          "({ hit: window.hit, scripts: document.querySelectorAll('script, iframe, svg, img, [onload], [onerror], [onfocus]').length, wide: document.documentElement.scrollWidth > innerWidth, text: document.body.innerText })",
        )) as { hit: unknown; scripts: number; wide: boolean; text: string };
        const good = seen.hit === undefined && seen.scripts === 0 && !seen.wide;
        if (!good) t.fail(`${path}: ${JSON.stringify({ ...seen, text: "" })}`);
      }
      t.pass(`${paths.length} pages, ${colorScheme}`);
      await page.goto(`${persistence.url}/admin/messages?text=window.hit`);
      const shown = await page.locator(".messages .text").allTextContents();
      for (const attack of [...ATTACKS, ...SLASHED].filter((attack) => attack.includes("window.hit"))) {
        t.ok(shown.includes(attack), `shown as typed: ${attack}`);
      }
      for (const link of await page.locator("a").all()) t.match(await link.getAttribute("href"), /^(\/admin\/|#main$)/);
      const sure = page.getByRole("button", { name: "Delete permanently" });
      t.equal(await sure.count(), 0, "a permanent act needs two steps");
      await page.locator("summary", { hasText: "Delete" }).first().click();
      await sure.click();
      await page.locator(".notice", { hasText: "Done." }).waitFor();
      await page.goto(`${persistence.url}/admin/dead-letters`);
      t.equal(await page.getByRole("button", { name: "Discard permanently" }).count(), 0);
      await page.locator("summary", { hasText: "Discard" }).first().click();
      t.ok(await page.getByRole("button", { name: "Discard permanently" }).isVisible());

      await page.goto(`${persistence.url}/admin/people`);
      await page.locator("input[name=user]").first().fill("kim");
      await page.keyboard.press("Enter");
      t.equal(page.url(), `${persistence.url}/admin/people`, "pressing Enter in a field bans no one");
      await page.goto(`${persistence.url}/admin/people`);
      t.notMatch(await page.locator("tbody").textContent(), "kim");
      await page.goto(`${persistence.url}/admin/audit`);
      const rows = await page.locator("tbody tr").evaluateAll((all) => all.map((row) => row.clientHeight));
      t.ok(Math.max(...rows) < 200, `no cell is squeezed into a column of single letters: ${Math.max(...rows)} px`);
      if (process.env["ADMIN_SHOTS"]) {
        for (const path of ["", "messages", "people", "rooms"]) {
          await page.goto(`${persistence.url}/admin/${path}`);
          await page.screenshot({ path: `${process.env["ADMIN_SHOTS"]}/${colorScheme}-${path || "overview"}.png` });
        }
      }
      t.strictSame(trouble, [], colorScheme);
      await context.close();
    }
  },
);
