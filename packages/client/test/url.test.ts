import t from "tap";
import { MadangClient, MadangError } from "../src/index.ts";
import { FakeClock, FakeSocket } from "./fakes.ts";

/** A client and the URLs of its connections. */
function clientOf(url: string): { client: MadangClient; opened: string[] } {
  const opened: string[] = [];
  const client = new MadangClient({
    url,
    clock: new FakeClock(),
    transport: (at, events) => {
      opened.push(at);
      return new FakeSocket(at, events);
    },
  });
  return { client, opened };
}

t.test("the constructor refuses a URL that no WebSocket can open", async (t) => {
  const urls = [
    "",
    "/ws",
    "chat.example/ws",
    "ws://",
    "ws://a:99999/ws",
    "ftp://a/ws",
    "file:///ws",
    "ws://a/ws#b",
    "ws://a/#",
  ];
  for (const url of urls) {
    t.throws(() => clientOf(url), { name: "MadangError", code: "bad_url", temporary: false }, url);
    t.throws(() => new MadangClient({ url }), MadangError, `${url}, over the platform's own WebSocket`);
  }
});

t.test("the schemes ws, wss, http and https are accepted", async (t) => {
  for (const [url, wanted] of [
    ["ws://127.0.0.1:8000/ws", "ws://127.0.0.1:8000/ws"],
    ["wss://chat.example/ws?a=b", "wss://chat.example/ws?a=b"],
    ["http://chat.example/ws", "ws://chat.example/ws"],
    ["https://chat.example:8443/ws", "wss://chat.example:8443/ws"],
  ] as const) {
    const { client, opened } = clientOf(url);
    client.connect();
    t.same(opened, [wanted]);
    client.close();
  }
});

t.test("in a page the URL may be relative", async (t) => {
  t.teardown(() => Reflect.deleteProperty(globalThis, "location"));
  Object.assign(globalThis, { location: { href: "https://chat.example/chat/a/b" } });
  const { client, opened } = clientOf("/ws");
  client.connect();
  t.same(opened, ["wss://chat.example/ws"]);
  client.close();
});

t.test("a browser of 2022 without URL.canParse works", async (t) => {
  t.intercept(URL, "canParse", { value: undefined });
  const { client, opened } = clientOf("https://chat.example/ws");
  client.connect();
  t.same(opened, ["wss://chat.example/ws"]);
  client.close();
  t.throws(() => clientOf("ws://"), { code: "bad_url" });
});
