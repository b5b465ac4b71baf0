import { encodeEvent, type MemberEvent } from "@madang/protocol";
import { bearer, eventually, HttpClient, JWT_ENV, standIn, token } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import type { Test } from "tap";
import type { TestEdge } from "./support.ts";
import { roomUrl, systemFor, Visitor } from "./web-support.ts";

const ROOMS = [{ pattern: "*", can: ["read", "write"] as const }];
/** The server accepts a token for this much longer, because clocks differ. */
const LEEWAY_S = 5;
/** The life of a session that expires during a test; the steps before its end can take this long on a busy machine. */
const SHORT_S = 12;

const tokenFor = (name: string, lifeS: number) => token({ sub: name, name, rooms: ROOMS }, lifeS);

/** Gives the visitor a cookie, as a sign-in page does. The browser keeps it longer than its token is valid. */
async function signedIn(visitor: Visitor, edge: TestEdge, jwt: string): Promise<void> {
  await visitor.context.addCookies([
    { name: "madang_token", value: jwt, url: `http://127.0.0.1:${edge.port}`, httpOnly: true, sameSite: "Lax" },
  ]);
}

browserTest("sessions, permissions and moderation events in a real browser", async (t, browser) => {
  const system = await systemFor(t);
  const { url: embedding } = await standIn(t, (_request, response) =>
    response.setHeader("content-type", "text/html").end("<p>app</p>"),
  );
  const edge = await system.edge({ ...JWT_ENV, ALLOWED_ORIGINS: embedding });

  t.test("F7 an expired session is shown, stops all attempts, and continues after signing in", async (t: Test) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await signedIn(visitor, edge, await tokenFor("minsu", SHORT_S - LEEWAY_S));
    let sockets = 0;
    let requests = 0;
    page.on("websocket", () => sockets++);
    page.on("request", () => requests++);
    await visitor.enter(edge, "hall", "x");
    await visitor.say("one");
    await visitor.nothingPending();

    const note = page.locator("#session-note");
    await note.getByText("로그인이 만료됐어요.").waitFor();
    t.equal(await note.getAttribute("role"), "alert");
    await page.locator("#connection.disconnected").waitFor();
    const before = { sockets, requests };
    t.equal(sockets, 2, "it came back once, to see whether the cookie was renewed");
    await page.waitForTimeout(2500);
    t.same({ sockets, requests }, before, "and does not try again by itself");
    await visitor.say("typed while signed out");
    t.equal(await page.locator("#chat-message-input").inputValue(), "typed while signed out", "which is not lost");

    await note.getByRole("button", { name: "계속하기" }).click();
    await eventually(() => sockets === 3);
    await page.locator("#connection.disconnected").waitFor();
    t.ok(await note.isVisible(), "still not signed in");

    await signedIn(visitor, edge, await tokenFor("minsu", 60));
    await note.getByRole("button", { name: "계속하기" }).click();
    await page.locator("#connection.connected").waitFor();
    t.equal(await note.textContent(), "");
    await page.locator("#chat-message-submit").click();
    await visitor.nothingPending();
    t.same(await visitor.texts(), ["one", "typed while signed out"]);
  });

  t.test(
    "a token that another application renews in time, by POST /session, is used without a notice",
    async (t: Test) => {
      const visitor = await Visitor.come(browser);
      const { page } = visitor;
      await signedIn(visitor, edge, await tokenFor("yeonghi", SHORT_S - LEEWAY_S));
      let sockets = 0;
      page.on("websocket", () => sockets++);
      await visitor.enter(edge, "renewed", "x");
      const app = await visitor.context.newPage();
      await app.goto(embedding);
      const status = await app.evaluate(
        async ([url, fresh]) =>
          (
            await fetch(`${url}/session`, {
              method: "POST",
              credentials: "include",
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ token: fresh }),
            })
          ).status,
        [`http://127.0.0.1:${edge.port}`, await tokenFor("yeonghi", 60)],
      );
      await app.close();
      t.equal(status, 204);
      // When the session that it came with ends.
      await eventually(() => sockets === 2, { limitMs: 2000 * SHORT_S });
      await page.locator("#connection.connected").waitFor();
      await visitor.say("still here");
      await visitor.nothingPending();
      t.equal(await page.locator("#session-note").textContent(), "");
      t.same(visitor.problems, []);
    },
  );

  t.test("a person whose token grants no writing gets a disabled composer that says so", async (t: Test) => {
    const rooms = [{ name: "hall", can: ["read"] as const }];
    for (const javaScriptEnabled of [true, false]) {
      const visitor = await Visitor.come(browser, { javaScriptEnabled });
      const { page } = visitor;
      await signedIn(visitor, edge, await token({ sub: "reader", name: "reader", rooms }, 60));
      await page.goto(roomUrl(edge, "hall", "reader"));
      if (javaScriptEnabled) await page.locator("#connection.connected").waitFor();
      t.equal(
        await page.locator("#composer-note").textContent(),
        "이 방에서는 읽기만 할 수 있어요. 메시지를 쓸 권한이 없어요.",
      );
      for (const id of ["#chat-message-input", "#chat-message-submit"]) t.ok(await page.locator(id).isDisabled(), id);
      t.equal(await page.locator("#chat-message-input").getAttribute("placeholder"), "메시지를 쓸 수 없어요");
      t.same(visitor.problems, []);
    }
  });

  t.test("a room that nobody has written to is shown as empty, also to a person who may only read", async (t: Test) => {
    for (const can of [["read"], ["read", "write"]] as const) {
      const room = `new to those who may ${can.join(" and ")}`;
      const jwt = await token({ sub: "u", name: "u", rooms: [{ name: room, can }] }, 60);
      const history = await new HttpClient(edge, bearer(jwt)).get(`/v1/rooms/${encodeURIComponent(room)}/messages`);
      t.match(history, { status: 200, body: { messages: [], foundOldest: true } });
      const visitor = await Visitor.come(browser);
      await signedIn(visitor, edge, jwt);
      await visitor.enter(edge, room, "u");
      const empty = visitor.page.locator("#empty-room");
      t.ok(await empty.isVisible());
      const invitation = can.length > 1 ? " 첫 메시지를 남겨 보세요." : "";
      t.equal(await empty.textContent(), `아직 메시지가 없어요.${invitation}`);
      t.same(visitor.problems, []);
    }
  });

  t.test("moderation events stand between the messages, as text", async (t: Test) => {
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await signedIn(visitor, edge, await tokenFor("reader", 60));
    await visitor.enter(edge, "moderated", "x");
    const name = '<img src=x onerror="alert(1)">';
    const act = (event: Pick<MemberEvent, "act"> & Partial<MemberEvent>) => {
      const at = new Date().toISOString();
      const data = encodeEvent({ type: "member", room: "moderated", user: name, at, ...event });
      return edge.log.lane("moderated").publish(`${event.act} ${event.until}`, data);
    };
    await visitor.say("before");
    await visitor.nothingPending();
    await act({ act: "mute", until: "2030-05-06T07:08:00.000Z" });
    await act({ act: "unmute" });
    await act({ act: "ban" });
    const lines = page.locator("#chat-log .event");
    await eventually(async () => (await lines.count()) === 3);
    await visitor.say("after");
    await visitor.nothingPending();
    t.same(await lines.allTextContents(), [
      `관리자가 ${name} 님의 발언을 2030. 5. 6. 오후 4:08까지 제한했어요.`,
      `${name} 님이 다시 말할 수 있어요.`,
      `관리자가 ${name} 님을 차단했어요.`,
    ]);
    t.equal(await lines.locator("img").count(), 0);
    t.equal(await lines.locator("bdi").count(), 3, "a name cannot turn the line around");
    t.equal(await lines.locator("time").first().getAttribute("datetime"), "2030-05-06T07:08:00.000Z");
    const order = await page
      .locator("#chat-log > :is(.message, .event)")
      .evaluateAll((all) => all.map((e) => e.className));
    t.same(
      order.map((classes) => classes.split(" ")[0]),
      ["message", "event", "event", "event", "message"],
    );
    t.match(order.at(-1), /first/, "and the name stands above what is said next");
    // It is read out as messages are, once what the page came with is settled.
    await page.locator("#chat-log[aria-live=polite]").waitFor();
    t.same(visitor.problems, []);
  });
});
