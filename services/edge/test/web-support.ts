import { eventually, type Server, type System, startSystem } from "@madang/test-kit";
import { problemsOf } from "@madang/test-kit/browser";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import type { Test } from "tap";
import { edgeFor, type TestEdge } from "./support.ts";

/** A system whose edges run in this process. Their pages have history from a real persistence service. */
export interface WebSystem extends Omit<System, "edge"> {
  edge(env?: NodeJS.ProcessEnv): Promise<TestEdge>;
}

export async function systemFor(t: Test): Promise<WebSystem> {
  const system = await startSystem(t, { edges: 0 });
  const unlimited = { PERSISTENCE_URL: system.persistence.url, SEND_LIMIT: "off", SEND_LIMIT_USER: "off" };
  return { ...system, edge: (env = {}) => edgeFor(t, system.nats, { ...unlimited, ...env }) };
}

/** Somebody with a browser window of their own. Whatever their console complains about is in `problems`. */
export class Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly problems: readonly string[];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(15_000);
    this.problems = problemsOf(page);
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
  async enter(edge: Server, room: string, nickname: string): Promise<void> {
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
    await eventually(async () => (await this.page.locator(".message:is(.pending, .failed)").count()) === 0);
  }

  /** The texts in the log, from top to bottom. */
  texts(): Promise<string[]> {
    return this.page.locator("#chat-log .message .text").allTextContents();
  }
}

export async function comeTo(browser: Browser, edge: Server, room: string, nickname: string): Promise<Visitor> {
  const visitor = await Visitor.come(browser);
  await visitor.enter(edge, room, nickname);
  return visitor;
}

export function roomUrl(edge: Server, room: string, nickname: string): string {
  return `http://127.0.0.1:${edge.port}/chat/${encodeURIComponent(room)}/${encodeURIComponent(nickname)}`;
}
