import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import t, { type Test } from "tap";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const TEST_LIMIT_MS = 110_000;

function findChromium(): string | undefined {
  const { CHROMIUM_BIN, PATH = "" } = process.env;
  if (CHROMIUM_BIN) return CHROMIUM_BIN;
  const places = PATH.split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs `test` with a real Chromium. Skips it where there is none; in CI that is a failure. */
export function browserTest(name: string, test: (t: Test, browser: Browser) => Promise<void>): void {
  const executablePath = findChromium();
  if (!executablePath) {
    const reason = "no Chromium was found on PATH (CHROMIUM_BIN names another one)";
    if (process.env["CI"] === "true") t.fail(`${name}: ${reason}`);
    else t.test(name, { skip: reason }, () => {});
    return;
  }
  t.test(name, { timeout: TEST_LIMIT_MS }, async (t) => {
    const browser = await chromium.launch({
      executablePath,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    t.teardown(() => browser.close());
    await test(t, browser);
  });
}

/** Collects what a page reports: warnings and errors of its console, uncaught errors, and dialogs, which are dismissed. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return problems;
}
