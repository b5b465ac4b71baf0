import type { MemberRule, RoomRule } from "@madang/protocol";
import { controlFor, eventually, logAdminFor } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import { edgeFor } from "./support.ts";
import { systemFor, Visitor } from "./web-support.ts";

const SANCTION = { reason: "spam", at: "2026-01-01T00:00:00.000Z" };

browserTest("bans, closed rooms and slow mode in a real browser", async (t, browser) => {
  const system = await systemFor(t);
  const logAdmin = await logAdminFor(t, system.nats);
  const edge = await edgeFor(
    t,
    system.nats,
    { PERSISTENCE_URL: system.persistence.url },
    await controlFor(t, system.nats),
  );
  const member = (user: string, room: string | undefined, ban: MemberRule["ban"] | undefined) =>
    logAdmin.change<MemberRule>({ kind: "member", user, ...(room === undefined ? {} : { room }) }, (rule) => {
      const { ban: _, ...rest } = rule;
      return ban ? { ...rest, ban } : rest;
    });
  const status = (room: string, status: RoomRule["status"]) =>
    logAdmin.change<RoomRule>({ kind: "room", room, status, slowModeS: 0 }, (rule) => ({ ...rule, status }));

  const lookOf = async ({ page }: Visitor) => ({
    closed: await page.locator("#chat-message-input").isDisabled(),
    note: await page.locator("#composer-note").textContent(),
  });
  const words = {
    banned: "이 방에 들어갈 수 없어요. 관리자가 차단했거나, 들어갈 권한이 없어요. 다시 시도",
    closed: "닫힌 방이에요. 다시 시도",
  };

  for (const [name, refused, putOut, letIn] of [
    ["banned", words.banned, () => member("민수", "banned", SANCTION), () => member("민수", "banned", undefined)],
    ["closed", words.closed, () => status("closed", 2), () => status("closed", 0)],
  ] as const) {
    t.test(
      `${name}: the page says so at once and after a reload, and the person can come back to their place`,
      async (t) => {
        const visitor = await Visitor.come(browser);
        const { page } = visitor;
        const note = page.locator("#composer-note");
        const again = note.getByRole("button", { name: "다시 시도" });
        await visitor.enter(edge, name, "민수");
        await visitor.say("before");
        await visitor.nothingPending();
        await page.locator("#chat-message-input").fill("half a sen");
        await putOut();
        await note.getByText(refused).waitFor();
        t.same(await lookOf(visitor), { closed: true, note: refused });
        t.equal(await page.locator("#chat-message-input").inputValue(), "half a sen", "what was typed is not lost");

        await again.focus();
        await page.keyboard.press("Enter");
        await eventually(
          async () => (await again.count()) === 1 && (await again.evaluate((e) => e === document.activeElement)),
        );
        t.same(await lookOf(visitor), { closed: true, note: refused }, "still so");

        const later = await Visitor.come(browser);
        await later.enter(edge, name, "민수");
        await later.page.locator("#composer-note").getByText(refused).waitFor();
        t.equal((await lookOf(later)).closed, true);

        await letIn();
        for (const { page } of [visitor, later]) {
          await eventually(async () => {
            const button = page.locator("#composer-note button");
            if ((await button.count()) > 0) await button.click({ timeout: 1000 }).catch(() => {});
            return page.locator("#chat-message-input").isEnabled();
          });
        }
        t.same(await lookOf(visitor), { closed: false, note: "" });
        await later.say("after");
        await visitor.sees("after");
        t.same(await visitor.texts(), ["before", "after"]);
        for (const { problems } of [visitor, later]) t.same(problems, []);
      },
    );
  }

  t.test("a temporary ban says when it ends, also after a reload", async (t) => {
    const visitor = await Visitor.come(browser);
    const note = visitor.page.locator("#composer-note");
    await visitor.enter(edge, "until", "민수");
    await member("민수", "until", { ...SANCTION, until: "2999-12-31T12:00:00.000Z" });
    const words = /^관리자가 차단해서 2999\. 12\. 31\. 오후 9:0\d까지 이 방에 들어갈 수 없어요\. 다시 시도$/;
    await note.getByText("관리자가 차단해서").waitFor();
    t.match(await note.textContent(), words);
    await visitor.page.reload();
    await note.getByText("관리자가 차단해서").waitFor();
    t.match(await note.textContent(), words);
    t.same(visitor.problems, []);
  });

  t.test("messages that were pending when the room was closed can be sent again, then and later", async (t) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    const failed = page.locator(".message.failed");
    const again = failed.getByRole("button", { name: "다시 보내기" });
    const outside = "보내지 못했어요. 지금은 이 방에 들어와 있지 않아요.";
    const room = (status: RoomRule["status"], slowModeS: number) =>
      logAdmin.change<RoomRule>({ kind: "room", room: "unsent", status, slowModeS }, (rule) => ({
        ...rule,
        status,
        slowModeS,
      }));
    await visitor.enter(edge, "unsent", "민수");
    await room(0, 600);
    for (let i = 0; (await page.locator(".pending").count()) === 0; i++) {
      await visitor.say(`${i}`);
      await page.waitForTimeout(100);
    }
    await room(2, 600);
    await failed.first().getByText(outside).waitFor();
    await again.first().click();
    await failed.first().getByText(outside).waitFor();
    await room(0, 0);
    await eventually(async () => {
      const button = page.locator("#composer-note button");
      if ((await button.count()) > 0) await button.click({ timeout: 1000 }).catch(() => {});
      return page.locator("#chat-message-input").isEnabled();
    });
    for (let left = await failed.count(); left > 0; left--) await again.first().click();
    await visitor.nothingPending();
    t.same(
      await visitor.texts(),
      (await visitor.texts()).map((_, i) => `${i}`),
    );
    t.same(visitor.problems, []);
  });

  t.test("a message that slow mode delays says so, and is sent by itself", async (t) => {
    const visitor = await Visitor.come(browser);
    const held = visitor.page.locator(".message.pending");
    await logAdmin.change<RoomRule>({ kind: "room", room: "slow", status: 0, slowModeS: 2 }, (rule) => ({
      ...rule,
      slowModeS: 2,
    }));
    await visitor.enter(edge, "slow", "민수");
    for (let i = 0; (await held.count()) === 0; i++) {
      await visitor.say(`${i}`);
      await visitor.page.waitForTimeout(100);
    }
    await held.first().getByText("보내는 중… 요청이 너무 많아요. 잠시 기다려 주세요.").waitFor();
    await visitor.nothingPending();
    t.equal(await visitor.page.getByText("보내는 중…").count(), 0);
    t.same(visitor.problems, []);
  });

  t.test("banned from the server: the page says so, also after a reload, and the person can come back", async (t) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await visitor.enter(edge, "everywhere", "영희");
    await member("영희", undefined, SANCTION);
    const note = page.locator("#session-note");
    await note.getByText("관리자가 차단해서 지금은 대화할 수 없어요.").waitFor();
    t.equal(await page.locator("#connection").textContent(), "연결 끊김");
    const disabled = () =>
      page.locator("#composer :is(textarea, button)").evaluateAll((all) => all.map((e) => e.matches(":disabled")));
    t.same(await disabled(), [true, true]);
    await page.reload();
    await note.getByText("관리자가 차단해서 지금은 대화할 수 없어요.").waitFor();
    t.same(await disabled(), [true, true], "also after a reload");
    await member("영희", undefined, undefined);
    await eventually(async () => {
      const button = note.getByRole("button", { name: "다시 시도" });
      if ((await button.count()) > 0) await button.click({ timeout: 1000 }).catch(() => {});
      return page.locator("#connection.connected").isVisible();
    });
    t.equal(await note.textContent(), "");
    t.same(await disabled(), [false, false]);
    await visitor.say("back");
    await visitor.nothingPending();
    t.same(visitor.problems, []);
  });
});
