/** The pages with AUTH=jwt: the way to the sign-in page, and the entrance of a signed-in person. */
import { cookie, JWT_ENV, token } from "@madang/test-kit";
import { fastify } from "fastify";
import t, { type Test } from "tap";
import { Guard } from "../src/access/guard.ts";
import { edgeConfig } from "../src/config.ts";
import { HistoryClient } from "../src/history/history-client.ts";
import { FailoverClient } from "../src/history/persistence-client.ts";
import { webPages } from "../src/web/index.ts";
import { signInUrl } from "../src/web/sign-in.ts";

async function pagesFor(t: Test, env: NodeJS.ProcessEnv = {}) {
  const config = edgeConfig({ ...JWT_ENV, ...env });
  const guard = new Guard(config);
  const app = fastify();
  await app.register(webPages, {
    history: new HistoryClient(new FailoverClient(["http://127.0.0.1:9"])),
    guard,
    textMaxCharacters: 4000,
    loginUrl: config.loginUrl,
  });
  t.teardown(() => {
    guard.close();
    return app.close();
  });
  return (url: string, headers: Record<string, string> = {}) =>
    app.inject({ url, headers: { accept: "text/html,*/*;q=0.8", ...headers } });
}

t.test("without LOGIN_URL a page explains that the operator must set it", async (t) => {
  const get = await pagesFor(t);
  for (const [language, title] of [
    ["en", "Sign in first"],
    ["ko", "먼저 로그인해 주세요"],
  ] as const) {
    for (const url of ["/", "/chat/", "/chat/hall", "/chat/hall/a"]) {
      const page = await get(url, { "accept-language": language });
      t.equal(page.statusCode, 401, url);
      t.match(page.body, title);
      t.match(page.body, "LOGIN_URL");
      t.notMatch(page.body, 'href="/chat/"', "the start page would show the same");
    }
  }
});

t.test("with LOGIN_URL a browser without a valid token is redirected there, with the path to return to", async (t) => {
  const absolute = await pagesFor(t, { LOGIN_URL: "https://app.example/login?from=chat" });
  const local = await pagesFor(t, { LOGIN_URL: "/login" });
  const room = "/chat/%EC%88%98%EB%8B%A4%EB%B0%A9/a?x=1&y=2";
  for (const headers of [{}, cookie("rubbish"), cookie(await token({}, -60))]) {
    const answer = await absolute(room, headers);
    t.equal(answer.statusCode, 302);
    t.equal(answer.headers["cache-control"], "no-store");
    const url = new URL(answer.headers.location!);
    t.match(url, { origin: "https://app.example", pathname: "/login" });
    t.same(
      [...url.searchParams],
      [
        ["from", "chat"],
        ["return_to", room],
      ],
    );
    t.equal((await local("/chat/hall", headers)).headers.location, "/login?return_to=%2Fchat%2Fhall");
  }
  t.equal((await absolute(room, { accept: "application/json" })).statusCode, 401, "a program gets the status");
});

t.test("the path to return to never leads to another host", async (t) => {
  for (const path of ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "", "evil"]) {
    t.equal(signInUrl("https://app.example/login", path), "https://app.example/login?return_to=%2F", path);
  }
  t.equal(signInUrl("https://app.example/#/login", "/a"), "https://app.example/?return_to=%2Fa#/login");
  t.equal(signInUrl("/login?return_to=%2Fold", "/a"), "/login?return_to=%2Fa");
});

t.test("the entrance of a signed-in person lists the rooms of the token and asks for no nickname", async (t) => {
  const get = await pagesFor(t);
  const entranceOf = async (rooms: Parameters<typeof token>[0] & object, url = "/") => {
    const { body } = await get(url, cookie(await token({ name: "민수", ...rooms })));
    return {
      body,
      links: [...body.matchAll(/<a dir="auto" href="([^"]+)">([^<]+)/g)].map(([, href, name]) => [href, name]),
      asksForRoom: body.includes('id="room-name-input"'),
    };
  };
  const me = encodeURIComponent("민수");
  const both = await entranceOf({
    rooms: [
      { name: "hall", can: ["read", "write"] },
      { name: "수다방", can: ["read"] },
      { name: "inbox", can: ["write"] },
      { name: "a/b", can: ["read"] },
      { pattern: "team-*", can: ["read"] },
    ],
  });
  t.same(both.links, [
    [`/chat/hall/${me}`, "hall"],
    [`/chat/${encodeURIComponent("수다방")}/${me}`, "수다방"],
  ]);
  t.ok(both.asksForRoom, "a pattern may grant other rooms");
  t.match(both.body, "Signed in as <bdi>민수</bdi>");
  t.notMatch(both.body, "nickname-input");

  const named = await entranceOf({
    rooms: [
      { name: "hall", can: ["read"] },
      { pattern: "x*", can: ["write"] },
    ],
  });
  t.match([named.links.length, named.asksForRoom], [1, false]);
  const none = await entranceOf({});
  t.match([none.links.length, none.asksForRoom], [0, false]);
  t.match(none.body, "Your account cannot enter any room.");

  const headers = cookie(await token({ name: "민수", rooms: [{ pattern: "*", can: ["read"] }] }));
  for (const url of ["/chat/?room=hall", "/chat/hall", "/chat/hall/"]) {
    t.equal((await get(url, headers)).headers.location, `/chat/hall/${me}`, `${url} needs no nickname`);
  }
});
