import t from "tap";
import { MadangClient, MadangError } from "../src/index.ts";
import { FakeClock, FakeSocket } from "./fakes.ts";

/** A client and the URLs at which it opened connections. */
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

t.test("a URL that no WebSocket can be opened at is refused when the client is made", async (t) => {
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

t.test("ws, wss, and http and https as the same", async (t) => {
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

t.test("in a page a URL may be relative to it", async (t) => {
  t.teardown(() => Reflect.deleteProperty(globalThis, "location"));
  Object.assign(globalThis, { location: { href: "https://chat.example/chat/a/b" } });
  const { client, opened } = clientOf("/ws");
  client.connect();
  t.same(opened, ["wss://chat.example/ws"]);
  client.close();
});

t.test("a browser of 2022, which has no URL.canParse, is served as well", async (t) => {
  t.intercept(URL, "canParse", { value: undefined });
  const { client, opened } = clientOf("https://chat.example/ws");
  client.connect();
  t.same(opened, ["wss://chat.example/ws"]);
  client.close();
  t.throws(() => clientOf("ws://"), { code: "bad_url" });
});
