import { browserTest, problemsOf } from "@madang/test-kit/browser";
import type { Browser } from "playwright-core";
import { adminSystem, Clicker, eventually } from "./admin-support.ts";
import { jobsDone } from "./erasure-support.ts";

async function visit(browser: Browser, edge: { port: number }, room: string, user: string) {
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const problems = problemsOf(page);
  await page.goto(`http://127.0.0.1:${edge.port}/chat/${room}/${encodeURIComponent(user)}`);
  await page.locator("#connection.connected").waitFor();
  const say = async (text: string) => {
    await page.locator("#chat-message-input").fill(text);
    await page.keyboard.press("Enter");
  };
  const sees = (text: string) => page.locator("#chat-log .text").getByText(text, { exact: true }).waitFor();
  const texts = () => page.locator("#chat-log .message .text").allTextContents();
  return { context, page, problems, say, sees, texts };
}

browserTest("deletions and erasures reach open pages, in a real browser", async (t, browser) => {
  const system = await adminSystem(t);
  const { persistence } = system;
  const edge = await system.start("edge", { PERSISTENCE_URL: persistence.url });
  const other = await system.start("edge", { PERSISTENCE_URL: persistence.url });
  const clicker = new Clicker(persistence.url);
  await clicker.login();

  t.test("a deleted room's messages leave the page, and trying again gives an empty room", async (t) => {
    const there = await visit(browser, edge, "gone", "kim");
    const away = await visit(browser, other, "gone", "lee");
    await there.say("of the deleted room");
    await away.sees("of the deleted room");
    const settings = { topic: "old topic", status: "0", slowModeS: "0", retentionDays: "0" };
    await clicker.submit("/admin/room", { room: "gone", ...settings });
    await away.page.locator("#room-topic").getByText("old topic").waitFor();
    await other.kill("SIGKILL");
    await away.page.locator("#connection:not(.connected)").waitFor();
    await clicker.submit("/admin/room/delete", { room: "gone", confirm: "gone" });
    const note = there.page.locator("#composer-note");
    await note.getByText("This room was deleted.").waitFor();
    t.same(await there.texts(), []);
    t.equal(await there.page.locator("#room-topic").textContent(), "");
    t.ok(await there.page.locator("#chat-message-input").isDisabled());
    await jobsDone(system);
    await note.getByRole("button").click();
    await eventually("it is open again", () => there.page.locator("#chat-message-input").isEnabled());
    await there.say("of the new room");
    await there.sees("of the new room");
    await other.restart();
    await away.sees("of the new room");
    for (const { texts } of [there, away]) {
      await eventually("only the new room is shown", async () => (await texts()).join() === "of the new room");
    }
    t.equal(await away.page.locator("#room-topic").textContent(), "");
  });

  t.test("an erased person's texts and name leave the page", async (t) => {
    const reader = await visit(browser, edge, "yard", "lee");
    const leaver = await visit(browser, edge, "yard", "지우개");
    for (const text of ["one", "two"]) {
      await leaver.say(text);
      await reader.sees(text);
    }
    await reader.say("mine");
    await leaver.sees("mine");
    await clicker.submit("/admin/people", { act: "mute", user: "지우개", room: "yard", reason: "" });
    await reader.page.locator("#chat-log .event").waitFor();
    await clicker.submit("/admin/people/erase", { user: "지우개", confirm: "지우개" });
    await jobsDone(system);
    await eventually("the texts are gone", async () => (await reader.page.locator(".deleted").count()) === 2);
    t.equal((await reader.texts()).at(-1), "mine");
    t.notMatch(await reader.page.locator("#chat-log").innerHTML(), /지우개/);
    t.same(reader.problems, []);
  });
});
