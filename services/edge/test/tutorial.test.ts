import { readFileSync } from "node:fs";
import { eventually, HttpClient } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { roomUrl, systemFor, Visitor } from "./web-support.ts";

/** The tutorial's scripts, section 8, as they stand there; with `{{room_name}}` and `{{user}}` for Django to fill in. */
const script = (name: string) => readFileSync(new URL(`tutorial/${name}.js.txt`, import.meta.url), "utf8");

const page = (elements: string, script: string) => `<!doctype html>
<html><head><meta charset="utf-8"><link rel="icon" href="data:,"></head>
<body>${elements}<script>${script}</script></body></html>`;

const INDEX = page(
  '<input id="room-name-input"><input id="nickname-input"><button id="room-name-submit">입장</button>',
  script("index"),
);
const ROOM = page(
  `<div id="chat-log"></div><input id="chat-message-input">
   <button id="chat-message-submit">전송</button><button id="room-leave">나가기</button>`,
  script("room"),
);

browserTest("P1 the tutorial's own page scripts, unchanged, chat with our page", async (t, browser) => {
  const system = await systemFor(t);
  const [here, there] = [await system.edge(), await system.edge()];
  const [room, minsu, yeonghui] = ["수다방", "민수", "영희"];

  // The tutorial's templates at its URLs, filled in as Django does; the WebSocket is the edge's.
  const tutorial = await Visitor.come(browser);
  const { page } = tutorial;
  // Chromium takes pages that a test makes up for pages of the public internet, which must ask before they go local;
  // older ones know neither the rule nor the permission.
  await tutorial.context.grantPermissions(["local-network-access"]).catch(() => {});
  const html = (body: string) => ({ contentType: "text/html; charset=utf-8", body });
  await page.route("**/tutorial", (route) => route.fulfill(html(INDEX)));
  await page.route("**/chat/*/*", (route) => {
    const [, , name, user] = new URL(route.request().url()).pathname.split("/").map(decodeURIComponent);
    return route.fulfill(html(ROOM.replace("{{room_name}}", name!).replace("{{user}}", user!)));
  });
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(decodeURIComponent(socket.url())));

  await page.goto(`http://127.0.0.1:${there.port}/tutorial`);
  await page.fill("#room-name-input", room);
  await page.fill("#nickname-input", minsu);
  await page.click("#room-name-submit");
  await page.waitForURL(roomUrl(there, room, minsu));
  await eventually(() => sockets.length > 0);
  t.same(sockets, [`ws://127.0.0.1:${there.port}/ws/chat/${room}/`]);

  const ours = await Visitor.come(browser);
  await ours.enter(here, room, yeonghui);
  const log = () => page.locator("#chat-log > div").allTextContents();

  await page.locator("#chat-message-input").fill("안녕하세요");
  await page.keyboard.press("Enter");
  await ours.sees("안녕하세요");
  t.equal(await page.inputValue("#chat-message-input"), "");
  await ours.say("반가워요");
  await eventually(async () => (await log()).length === 2);
  await page.click("#chat-message-submit"); // an empty message
  await page.locator("#chat-message-input").fill("버튼으로");
  await page.click("#chat-message-submit");
  await ours.sees("버튼으로");
  await eventually(async () => (await log()).length === 3);
  t.same(await log(), ["민수 : 안녕하세요", "영희 : 반가워요", "민수 : 버튼으로"]);
  t.same(await ours.texts(), ["안녕하세요", "반가워요", "버튼으로"]);
  t.same(await ours.page.locator(".byline").allTextContents(), [minsu, yeonghui, minsu]);

  const stored = () => new HttpClient(here).history(room);
  await eventually(async () => (await stored()).length === 3);
  t.match(await stored(), [
    { user: minsu, message: "안녕하세요" },
    { user: yeonghui, message: "반가워요" },
    { user: minsu, message: "버튼으로" },
  ]);
  t.same(tutorial.problems, []);

  await page.click("#room-leave");
  await page.locator("#room-name-submit").waitFor();
  t.equal(page.url(), `http://127.0.0.1:${there.port}/chat`, "leave leads to our own entrance");
  await ours.enter(here, room, yeonghui);
  t.same(await ours.texts(), ["안녕하세요", "반가워요", "버튼으로"], "our page shows it from history");
  t.same(ours.problems, []);
});
