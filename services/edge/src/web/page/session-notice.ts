import type { MadangClient } from "@madang/client";
import { CLOSE_CODES } from "@madang/protocol/browser";
import { byId, make } from "./dom.ts";
import { t } from "./localized-text.ts";

/**
 * The page's token is a cookie, which whoever signs the visitor in renews (`POST /session`). A connection whose token
 * has run out is closed and comes back with what the cookie holds then. When that is no good, or the server has ended
 * the connection for another reason, the page says so and tries again only when the visitor asks for it; or, for the
 * token, comes back from another tab, where they may have signed in.
 */
export function watchSession(client: MadangClient): void {
  const note = byId("session-note");
  let signedOut = false;
  client.on("close", ({ code, reconnecting }) => {
    if (reconnecting) return;
    signedOut = code === CLOSE_CODES.invalidToken.code;
    const asked = note.contains(document.activeElement);
    const banned = code === CLOSE_CODES.removed.code || code === CLOSE_CODES.notAllowed.code;
    const words = signedOut ? t.sessionEnded : banned ? t.removed : t.connectionEnded;
    const again = make("button", { type: "button", className: "quiet", onclick: () => client.connect() });
    again.textContent = signedOut ? t.goOn : t.tryAgain;
    note.replaceChildren(words, " ", again);
    if (asked) again.focus();
  });
  client.on("state", (state) => {
    if (state !== "connected") return;
    signedOut = false;
    const asked = note.contains(document.activeElement);
    note.replaceChildren();
    if (asked) byId("chat-message-input").focus();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && signedOut) client.connect();
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
