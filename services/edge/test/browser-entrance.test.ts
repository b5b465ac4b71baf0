import { JWT_ENV, standIn, token } from "@madang/test-kit";
import { browserTest } from "@madang/test-kit/browser";
import type { Test } from "tap";
import { systemFor, Visitor } from "./web-support.ts";

/** An application that signs people in: it gives the edge a token and sends the browser back. */
async function loginPage(t: Test, edgeUrl: () => string, jwt: string): Promise<string> {
  const { url } = await standIn(t, (_request, response) =>
    response.setHeader("content-type", "text/html").end(`<button>Sign in</button><script>
      document.querySelector("button").onclick = async () => {
        await fetch("${edgeUrl()}/session", {
          method: "POST",
          credentials: "include",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ token: "${jwt}" }),
        });
        location.assign("${edgeUrl()}" + new URLSearchParams(location.search).get("return_to"));
      };
    </script>`),
  );
  return url;
}

browserTest("the entrance in a real browser", async (t, browser) => {
  const system = await systemFor(t);

  t.test("the form says what is wrong with which field, and only after it was submitted", async (t) => {
    const edge = await system.edge();
    const visitor = await Visitor.come(browser, { locale: "en-US" });
    const { page } = visitor;
    const [room, nickname] = [page.locator("#room-name-input"), page.locator("#nickname-input")];
    const errors = async () => [
      await page.locator("#room-error").textContent(),
      await page.locator("#nickname-error").textContent(),
    ];
    const submit = async (roomName: string, name: string) => {
      await room.fill(roomName);
      await nickname.fill(name);
      await page.locator("#room-name-submit").click();
      return errors();
    };
    await page.goto(`http://127.0.0.1:${edge.port}/`);
    t.same(await errors(), ["", ""]);
    t.same(await submit("", ""), ["Enter a room name.", "Enter a nickname."]);
    t.same(await submit("", "me"), ["Enter a room name.", ""]);
    await room.fill("h");
    t.same(await errors(), ["", ""], "a change removes the message");
    t.same(await submit("a/b", "me"), ["A room name cannot contain '/'.", ""]);
    t.same(await submit("x".repeat(101), "me"), ["A room name can have at most 100 characters. This one has 101.", ""]);
    t.same(await submit("..", "\u0007"), [
      "A room name cannot be '.' or '..'.",
      "A nickname cannot contain control characters.",
    ]);
    t.equal(await nickname.getAttribute("aria-invalid"), "true");
    t.same(await submit("hall", "\u200b"), ["", "Enter a nickname."]);
    t.equal(await page.evaluate(() => document.activeElement?.id), "nickname-input");
    t.same(visitor.problems, []);
  });

  t.test("a person without a token signs in elsewhere, comes back, and goes on with the token's name", async (t) => {
    let edgeUrl = "";
    const rooms = [
      { name: "수다방", can: ["read", "write"] as const },
      { pattern: "team-*", can: ["read", "write"] as const },
    ];
    const jwt = await token({ sub: "u1", name: "민수", rooms });
    const app = await loginPage(t, () => edgeUrl, jwt);
    const edge = await system.edge({ ...JWT_ENV, ALLOWED_ORIGINS: app, LOGIN_URL: `${app}/login` });
    edgeUrl = `http://127.0.0.1:${edge.port}`;
    const visitor = await Visitor.come(browser);
    const { page } = visitor;
    await page.goto(`${edgeUrl}/chat/?a=1`);
    t.equal(new URL(page.url()).origin, app);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${edgeUrl}/chat/?a=1`);
    t.match(await page.locator("#signed-in").textContent(), "민수 님으로 로그인했어요");
    t.equal(await page.locator("#nickname-input").count(), 0);

    await page.locator("#room-name-input").fill("team-1");
    await page.keyboard.press("Enter");
    await page.locator("#connection.connected").waitFor();
    t.equal(await page.locator(".nickname").textContent(), "민수");
    await page.locator("#room-leave").click();
    await page.getByRole("link", { name: "수다방" }).click();
    await page.locator("#connection.connected").waitFor();
    await visitor.say("안녕");
    await visitor.nothingPending();
    t.same(visitor.problems, []);
  });
});
