import type { MadangClient } from "@madang/client";
import { CLOSE_CODES } from "@madang/protocol/browser";
import { byId, make } from "./dom.ts";
import { t } from "./words.ts";

/**
 * The page's token is a cookie, which whoever signs the visitor in renews (`POST /session`). A connection whose token
 * has run out is closed and comes back with what the cookie holds then. When that is no good, the page says so and
 * tries again only when the visitor asks for it, or comes back from another tab, where they may have signed in.
 */
export function watchSession(client: MadangClient): void {
  const note = byId("session-note");
  let ended = false;
  const tryAgain = () => {
    if (ended) client.connect();
  };
  client.on("close", ({ code, reason, reconnecting }) => {
    if (reconnecting || (code !== CLOSE_CODES.invalidToken.code && reason !== "unauthorized")) return;
    ended = true;
    note.replaceChildren(
      t.sessionEnded,
      " ",
      make("button", { type: "button", className: "quiet", onclick: tryAgain }, t.goOn),
    );
  });
  client.on("state", (state) => {
    if (state !== "connected") return;
    ended = false;
    note.replaceChildren();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tryAgain();
  });
}

/** Resolves when the server has next let the client in. */
export function admitted(client: MadangClient): Promise<void> {
  return new Promise((resolve) => {
    const off = client.on("state", (state) => {
      if (state !== "connected") return;
      off();
      resolve();
    });
  });
}
