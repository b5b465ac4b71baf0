/** The examples in the documents run: their text is served on another origin and used in Chromium. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { standIn, startSystem } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { build } from "esbuild";
import type { Page } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "..");

/** The first block of code in that language, for an edge at another address than the document's. */
function example(document: string, language: string, edgeUrl: string): string {
  const text = readFileSync(join(ROOT, document), "utf8");
  const code = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(text)?.[1];
  if (code === undefined) throw new Error(`${document} has no ${language} example`);
  return code.replaceAll("127.0.0.1:8000", new URL(edgeUrl).host);
}

async function bundle(typescript: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: typescript, loader: "ts", resolveDir: ROOT },
    alias: { "@madang/client": join(ROOT, "packages/client/src/index.ts") },
    bundle: true,
    write: false,
  });
  return outputFiles[0]!.text;
}

const sees = (page: Page, text: string) => page.locator("#messages").getByText(text, { exact: true }).waitFor();

browserTest("the pages of README and of the first-app guide chat with each other", async (t, browser) => {
  const files = new Map<string, string>();
  const site = await standIn(t, ({ url = "/" }, response) => {
    const body = files.get(url);
    const type = url.endsWith(".js") ? "text/javascript" : "text/html";
    response.writeHead(body === undefined ? 404 : 200, { "content-type": type }).end(body);
  });
  const { edge } = await startSystem(t, { env: { ALLOWED_ORIGINS: site.url } });
  files.set("/chat.html", example("README.md", "html", edge.url));
  files.set("/", example("docs/guide/first-app.md", "html", edge.url));
  files.set("/app.js", await bundle(example("docs/guide/first-app.md", "ts", edge.url)));

  const [plain, full] = [await browser.newPage(), await browser.newPage()];
  await plain.goto(`${site.url}/chat.html`);
  // The example does not wait for its connection, as a user's hands do.
  await plain.waitForFunction("socket.readyState === WebSocket.OPEN");
  await plain.locator("#text").fill("Hello");
  await plain.keyboard.press("Enter");
  await sees(plain, "ada: Hello");

  await full.goto(`${site.url}/`);
  await sees(full, "ada: Hello");
  await full.locator("#text").fill("Hello again");
  await full.locator("button").click();
  await sees(full, "ada: Hello again");
  await sees(plain, "ada: Hello again");
});
