import { NOWHERE, natsFor, type StandIn, standIn } from "@madang/test-kit";
import { fastify } from "fastify";
import t, { type Test } from "tap";
import { Guard } from "../src/access/guard.ts";
import { edgeConfig } from "../src/config.ts";
import { HistoryClient } from "../src/history/history-client.ts";
import { FailoverClient } from "../src/history/persistence-client.ts";
import { webPages } from "../src/web/index.ts";
import { chooseLanguage } from "../src/web/shared/dictionary.ts";
import { continues, hue, initial } from "../src/web/shared/grouping.ts";
import { segments } from "../src/web/shared/links.ts";
import { edgeFor } from "./support.ts";

function historyAt(t: Test, urls: string[], limitMs?: number): HistoryClient {
  const persistence = new FailoverClient(urls);
  t.teardown(() => persistence.close());
  return new HistoryClient(persistence, limitMs === undefined ? {} : { limitMs });
}

/** The pages alone, with their history at `url`. */
async function pagesFor(t: Test, url = NOWHERE) {
  const app = fastify({ routerOptions: { maxParamLength: 1300 } });
  await app.register(webPages, {
    history: historyAt(t, [url], 300),
    guard: new Guard(edgeConfig({})),
    textMaxCharacters: 4000,
    loginUrl: undefined,
  });
  t.teardown(() => app.close());
  return app;
}

/** A server in the place of persistence. Where `answer` returns undefined it never answers. */
function persistenceThat(t: Test, answer: (method: string) => [number, unknown] | undefined): Promise<StandIn> {
  return standIn(t, ({ method }, response) => {
    const [status, body] = answer(method!) ?? [];
    if (status) response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
}

t.test("the entrance", async (t) => {
  const app = await pagesFor(t);
  for (const url of ["/", "/chat", "/chat/"]) {
    const page = await app.inject({ url, headers: { "accept-language": "ko-KR,ko;q=0.9,en;q=0.8" } });
    t.equal(page.statusCode, 200, url);
    for (const id of ["room-name-input", "nickname-input", "room-name-submit"]) t.match(page.body, `id="${id}"`);
    t.match(page.body, '<html lang="ko">');
  }
  t.match((await app.inject({ url: "/" })).body, '<html lang="en">');

  const form = await app.inject({ url: "/chat/", query: { room: "수다방", nickname: "a/b?#%" } });
  t.equal(form.statusCode, 302, "the form works without its script");
  t.equal(form.headers.location, `/chat/${encodeURIComponent("수다방")}/${encodeURIComponent("a/b?#%")}`);
});

t.test("security headers: nothing inline, nothing foreign, no frame, no copy of a page", async (t) => {
  const app = await pagesFor(t);
  for (const url of ["/", "/chat/a/b", "/chat/%00/b"]) {
    const { headers } = await app.inject({ url });
    const csp = String(headers["content-security-policy"]);
    t.match(csp, "default-src 'none'", url);
    t.match(csp, "script-src 'self';");
    t.match(csp, "frame-ancestors 'none'");
    t.notMatch(csp, /unsafe|\*|upgrade-insecure/);
    t.equal(headers["cache-control"], "no-store");
    t.equal(headers["x-content-type-options"], "nosniff");
  }
});

t.test("assets are named by their content and cached for ever", async (t) => {
  const app = await pagesFor(t);
  const { body } = await app.inject({ url: "/" });
  const urls = [...body.matchAll(/"(\/assets\/[^"]+)"/g)].map((match) => match[1]!);
  t.equal(urls.length, 3);
  for (const url of urls) {
    const plain = await app.inject({ url });
    t.equal(plain.statusCode, 200, url);
    t.match(plain.headers["cache-control"], /immutable/);
    const small = await app.inject({ url, headers: { "accept-encoding": "gzip, deflate, br" } });
    t.equal(small.headers["content-encoding"], "br");
    t.ok(small.rawPayload.length < plain.rawPayload.length);
  }
});

t.test("an invalid name gets an error page that does not repeat it", async (t) => {
  const app = await pagesFor(t);
  const bad = [
    "/chat/%20/n",
    "/chat/r/%20",
    "/chat/a%2Fb/n",
    "/chat/a%0Ab/n",
    `/chat/${"x".repeat(101)}/n`,
    "/chat/r/%07",
  ];
  for (const url of [...bad, "/chat/?room=%20&nickname=n", "/chat/?room=a&room=b&nickname=n"]) {
    const page = await app.inject({ url, headers: { "accept-language": "ko" } });
    t.equal(page.statusCode, 400, url);
    t.match(page.headers["content-type"], "text/html");
    t.match(page.body, /(방 이름|닉네임)은 1자에서 100자까지/);
  }
  const script = await app.inject({ url: `/chat/${encodeURIComponent("<script>alert(1)</script>/")}/n` });
  t.equal(script.statusCode, 400);
  t.notMatch(script.body, /alert\(|<script/);
});

t.test("a path that does not exist gets a page in a browser, and a problem otherwise", async (t) => {
  const app = await pagesFor(t);
  for (const url of ["/nowhere", "/chat/a/b/c", "/v1nowhere"]) {
    const page = await app.inject({ url, headers: { accept: "text/html,*/*;q=0.8", "accept-language": "ko" } });
    t.equal(page.statusCode, 404, url);
    t.match(page.headers["content-type"], "text/html");
    t.match(page.headers["content-security-policy"], "script-src 'self'");
    t.match(page.body, "찾는 페이지나 방이 없어요.");
    t.match(page.body, 'href="/chat/"');
    for (const options of [
      { headers: { accept: "*/*" } },
      { method: "POST", headers: { accept: "text/html" } },
    ] as const) {
      const program = await app.inject({ url, ...options });
      t.equal(program.statusCode, 404);
      t.equal(program.json().code, "not_found");
    }
  }
});

t.test("a room's URL works without the nickname, and with a slash at its end", async (t) => {
  const app = await pagesFor(t);
  const room = encodeURIComponent("수다방 #1");
  for (const url of [`/chat/${room}`, `/chat/${room}/`]) {
    const answer = await app.inject({ url });
    t.equal(answer.statusCode, 302);
    t.equal(answer.headers.location, `/chat/?room=${room}`);
    t.match((await app.inject({ url: answer.headers.location! })).body, 'value="수다방 #1"');
  }
  t.equal((await app.inject({ url: "/chat/%0A" })).statusCode, 400);
  t.match((await app.inject({ url: `/chat/${room}/me/` })).body, 'data-user="me"');
});

t.test("while persistence is away the room opens and says that earlier messages are not available yet", async (t) => {
  const silent = await persistenceThat(t, () => undefined);
  const failing = await persistenceThat(t, () => [503, { code: "history_unavailable" }]);
  for (const url of [NOWHERE, silent.url, failing.url]) {
    const page = await (await pagesFor(t, url)).inject({ url: "/chat/room/me" });
    t.equal(page.statusCode, 200);
    t.match(page.body, /<p id="history-note" class="notice" role="status">Earlier messages are not available yet/);
    t.notMatch(page.body, "data-position=");
    for (const id of ["chat-log", "chat-message-input", "chat-message-submit", "room-leave"]) {
      t.match(page.body, `id="${id}"`);
    }
  }
});

t.test("a refusal by persistence gets an error page with its status", async (t) => {
  const { url } = await persistenceThat(t, () => [403, { code: "room_closed" }]);
  const page = await (await pagesFor(t, url)).inject({ url: "/chat/room/me" });
  t.equal(page.statusCode, 403);
  t.match(page.body, "This room is closed.");
});

t.test("everything that people type is escaped", async (t) => {
  const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>'`;
  const said = { seq: 1, epoch: "e", position: "e.1", user: evil, message: evil, at: "2026-11-24T10:00:00.000Z" };
  const { url } = await persistenceThat(t, (method) =>
    method === "PUT"
      ? [200, { room: evil, topic: evil, status: 0, createdAt: said.at }]
      : [200, { room: evil, epoch: "e", messages: [said], foundOldest: true, foundNewest: true, position: "e.1" }],
  );
  const app = await pagesFor(t, url);
  const page = await app.inject({
    url: `/chat/${encodeURIComponent(evil.replace("/", ""))}/${encodeURIComponent(evil)}`,
  });
  t.equal(page.statusCode, 200);
  t.notMatch(page.body, /<img src=x|<script>|<\/script>'|onerror=alert\(1\)">/);
  t.equal(page.body.match(/<script/g)?.length, 1, "only the page's own");
  t.equal(page.body.match(/<img/g)?.length, 1);
  t.match(page.body, "&lt;img src=x onerror=alert(1)&gt;");
  t.match((await app.inject({ url: "/chat/", query: { room: evil } })).body, 'value="&quot;&gt;&lt;img');
});

t.test("links: http and https, as people write them", async (t) => {
  const links = (text: string) => segments(text).flatMap(({ href }) => href ?? []);
  t.same(links("https://example.com에서 만나요"), ["https://example.com"]);
  t.same(links("(see https://a.example/x_(y).) and HTTP://b.example/?q=1&r=2#f!"), [
    "https://a.example/x_(y)",
    "HTTP://b.example/?q=1&r=2#f",
  ]);
  t.same(links('javascript:alert(1) data:text/html,x ftp://a.example https:// http://" xhttp://a.example'), []);
  t.same(links("https://a.example/<b>"), ["https://a.example/"]);
  t.same(links("[(https://a.example/x)] [see (https://a.example/[y])]"), [
    "https://a.example/x",
    "https://a.example/[y]",
  ]);
  // Messages like these once held up the edge, and every page of the room, for seconds.
  const dots = `https://a${".".repeat(2000)}b`;
  for (const end of [")", "]", ".)", "_]"].map((end) => end.repeat(1980 / end.length))) {
    t.same(links(dots + end), [dots], end.slice(0, 2));
  }
  for (const text of ["", "a https://a.example/, b http://b.example.", "https://a.example"]) {
    t.equal(
      segments(text)
        .map((segment) => segment.text)
        .join(""),
      text,
    );
  }
});

t.test("messages of one person within minutes stand together", async (t) => {
  const said = (user: string, at: string) => ({ user, at: `2026-11-24T${at}Z` });
  t.equal(continues(undefined, said("a", "10:00:00")), false);
  t.equal(continues(said("a", "10:00:00"), said("a", "10:04:59")), true);
  t.equal(continues(said("a", "10:00:00"), said("a", "10:05:00")), false);
  t.equal(continues(said("b", "10:00:00"), said("a", "10:00:01")), false);
  t.equal(initial(" 민수"), "민");
  t.equal(initial("👩‍👩‍👧‍👦 family"), "👩‍👩‍👧‍👦");
  t.equal(initial("\u202e\u200bevil"), "E", "an invisible character is no initial");
  t.equal(initial("\u200b"), "");
  t.ok([..."가나다라마바사아"].every((name) => hue(name) >= 0 && hue(name) < 8));
});

t.test("the language is the better of two", async (t) => {
  const cases: [string | undefined, string][] = [
    [undefined, "en"],
    ["ko", "ko"],
    ["ko-KR,ko;q=0.9,en-US;q=0.8", "ko"],
    ["en-US,en;q=0.9,ko;q=0.8", "en"],
    ["fr, ko;q=0.5", "ko"],
    ["fr", "en"],
    ["ko;q=0, en;q=0.1", "en"],
    [",;q=,ko;q=x,*", "en"],
  ];
  for (const [header, language] of cases) t.equal(chooseLanguage(header), language, String(header));
});

t.test("a URL that cannot be decoded gets a page in a browser, and a problem otherwise", async (t) => {
  const edge = await edgeFor(t, await natsFor(t));
  const ask = (path: string, headers: Record<string, string>, method = "GET") =>
    fetch(`http://127.0.0.1:${edge.port}${path}`, { method, headers, redirect: "manual" });
  const browser = { accept: "text/html,*/*;q=0.8", "accept-language": "ko" };
  for (const path of ["/chat/%ff/x", "/chat/a/%E0%A4", "/chat/%", "/%zz", "/chat/%ff?room=a", "/v1/rooms/%ff"]) {
    const page = await ask(path, browser);
    const body = await page.text();
    t.equal(page.status, 400, path);
    t.match(page.headers.get("content-type"), "text/html");
    t.match(page.headers.get("content-security-policy"), "script-src 'self'");
    t.match(body, "잘못된 요청이에요.");
    t.match(body, 'href="/chat/"');
    t.notMatch(body, /%ff|%zz|bad-url/);
    t.equal((await ask(path, browser, "HEAD")).status, 400);
    for (const program of [await ask(path, { accept: "*/*" }), await ask(path, browser, "POST")]) {
      t.match([program.status, program.headers.get("content-type")], [400, /^application\/problem\+json/]);
      t.match(await program.json(), { code: "bad_request" });
    }
  }
  t.equal((await ask("/chat/?room=%ff", browser)).status, 200, "a query is not the path");
  t.equal((await ask("/chat/%25ff", browser)).headers.get("location"), "/chat/?room=%25ff");
});
