/** The examples in the documents run: their text is taken from the document, served on another origin, and used in Chromium. */
import { accessSync, constants, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join, resolve } from "node:path";
import { type Child, startMongod, startNats, startService } from "@madang/local-stack";
import { build } from "esbuild";
import { chromium, type Page } from "playwright-core";
import t from "tap";

const ROOT = resolve(import.meta.dirname, "..");

/** The first block of code in that language. */
function example(document: string, language: string, edge: Child): string {
  const text = readFileSync(join(ROOT, document), "utf8");
  const code = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(text)?.[1];
  if (code === undefined) throw new Error(`${document} has no ${language} example`);
  return code.replaceAll("127.0.0.1:8000", new URL(edge.url).host);
}

function findChromium(): string | undefined {
  const { CHROMIUM_BIN, PATH = "" } = process.env;
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const places = PATH.split(delimiter).flatMap((dir) => names.map((name) => join(dir, name)));
  return [CHROMIUM_BIN ?? [], places].flat().find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function bundle(typescript: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: typescript, loader: "ts", resolveDir: join(ROOT, "packages/client") },
    alias: { "@madang/client": join(ROOT, "packages/client/src/index.ts") },
    bundle: true,
    write: false,
  });
  return outputFiles[0]!.text;
}

const sees = (page: Page, text: string) => page.locator("#messages").getByText(text, { exact: true }).waitFor();

const executablePath = findChromium();
const skip = executablePath || process.env["CI"] === "true" ? false : "no Chromium on PATH (CHROMIUM_BIN names one)";

t.test("the pages of README and of the first-app guide chat with each other", { skip, timeout: 120_000 }, async (t) => {
  const files = new Map<string, string>();
  const site = createServer(({ url = "/" }, response) => {
    const body = files.get(url);
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": url.endsWith(".js") ? "text/javascript" : "text/html",
    });
    response.end(body);
  });
  await new Promise<void>((done) => site.listen(0, "127.0.0.1", done));
  t.teardown(() => site.close());
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

  const [nats, mongod] = await Promise.all([startNats(), startMongod()]);
  t.teardown(() => Promise.all([nats.stop(), mongod.stop()]));
  const env = { NATS_URL: nats.url, MONGODB_URL: mongod.url };
  const persistence = await startService("persistence", { name: "persistence", env });
  t.teardown(() => persistence.stop());
  const edge = await startService("edge", {
    name: "edge",
    env: { ...env, PERSISTENCE_URL: persistence.url, ALLOWED_ORIGINS: origin },
  });
  t.teardown(() => edge.stop());

  files.set("/chat.html", example("README.md", "html", edge));
  files.set("/", example("docs/guide/first-app.md", "html", edge));
  files.set("/app.js", await bundle(example("docs/guide/first-app.md", "ts", edge)));

  const browser = await chromium.launch({ executablePath: executablePath!, args: ["--headless", "--no-sandbox"] });
  t.teardown(() => browser.close());
  const [plain, full] = [await browser.newPage(), await browser.newPage()];

  const opened = plain.waitForEvent("websocket");
  await plain.goto(`${origin}/chat.html`);
  await opened;
  // The first message of a page that is still connecting would be lost: WebSocket.send throws then.
  await plain.waitForFunction("socket.readyState === 1");
  await plain.locator("#text").fill("Hello");
  await plain.keyboard.press("Enter");
  await sees(plain, "ada: Hello");

  await full.goto(`${origin}/`);
  await sees(full, "ada: Hello");
  await full.locator("#text").fill("Hello again");
  await full.locator("button").click();
  await sees(full, "ada: Hello again");
  await sees(plain, "ada: Hello again");
});
