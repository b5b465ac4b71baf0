import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startMongod, startProcess } from "@madang/local-stack";
import { natsFor } from "@madang/test-kit";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import t, { type Test } from "tap";
import { edgeFor, type TestEdge, until } from "./support.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The whole system: pages and sockets from edges in this process, history from a real persistence service. */
export interface System {
  readonly nats: Child;
  readonly mongodUrl: string;
  readonly persistence: Awaited<ReturnType<typeof startProcess>>;
  edge(env?: NodeJS.ProcessEnv): Promise<TestEdge>;
}

export async function systemFor(t: Test): Promise<System> {
  const [nats, mongod] = await Promise.all([natsFor(t), startMongod()]);
  t.teardown(() => mongod.stop());
  const persistence = await startProcess({
    name: "persistence",
    entry: fileURLToPath(new URL("../../persistence/src/main.ts", import.meta.url)),
    env: { NATS_URL: nats.url, MONGODB_URL: mongod.url },
  });
  t.teardown(() => persistence.stop());
  const edge = (env: NodeJS.ProcessEnv = {}) =>
    edgeFor(t, nats, { PERSISTENCE_URL: persistence.url, SEND_LIMIT: "off", SEND_LIMIT_USER: "off", ...env });
  return { nats, mongodUrl: mongod.url, persistence, edge };
}

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

/** Runs `test` with a real Chromium; skips it where there is none, which is a failure in CI. */
export function browserTest(name: string, test: (t: Test, browser: Browser) => Promise<void>): void {
  const executablePath = findChromium();
  if (!executablePath) {
    const reason = "no Chromium was found on PATH (CHROMIUM_BIN names another one)";
    if (process.env["CI"] === "true") t.fail(`${name}: ${reason}`);
    else t.test(name, { skip: reason }, () => {});
    return;
  }
  t.test(name, { timeout: 110_000 }, async (t) => {
    const browser = await chromium.launch({
      executablePath,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    t.teardown(() => browser.close());
    await test(t, browser);
  });
}

/** Somebody with a browser window of their own. Whatever their console complains about is in `problems`. */
export class Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly problems: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.problems.push(message.text());
    });
    page.on("pageerror", (error) => this.problems.push(error.message));
    page.on("dialog", (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  static async come(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: "ko-KR",
      timezoneId: "Asia/Seoul",
      ...options,
    });
    return new Visitor(context, await context.newPage());
  }

  /** Goes to a room by its URL; when this resolves, the room is joined. */
  async enter(edge: { port: number }, room: string, nickname: string): Promise<void> {
    await this.page.goto(roomUrl(edge, room, nickname));
    await this.page.locator("#connection.connected").waitFor();
  }

  /** Types a message and presses Enter. */
  async say(text: string): Promise<void> {
    await this.page.locator("#chat-message-input").fill(text);
    await this.page.keyboard.press("Enter");
  }

  async sees(text: string): Promise<void> {
    await this.page.locator("#chat-log .text").getByText(text, { exact: true }).waitFor();
  }

  /** All that this visitor said has been stored. */
  async nothingPending(): Promise<void> {
    await until(async () => (await this.page.locator(".message:is(.pending, .failed)").count()) === 0, 20_000);
  }

  /** The texts in the log, from top to bottom. */
  texts(): Promise<string[]> {
    return this.page.locator("#chat-log .message .text").allTextContents();
  }
}

export async function comeTo(
  browser: Browser,
  edge: { port: number },
  room: string,
  nickname: string,
): Promise<Visitor> {
  const visitor = await Visitor.come(browser);
  await visitor.enter(edge, room, nickname);
  return visitor;
}

export function roomUrl(edge: { port: number }, room: string, nickname: string): string {
  return `http://127.0.0.1:${edge.port}/chat/${encodeURIComponent(room)}/${encodeURIComponent(nickname)}`;
}
