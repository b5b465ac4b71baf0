import type { MadangClient } from "@madang/client";
import { CLOSE_CODES } from "@madang/protocol/browser";
import { byId, make } from "./dom.ts";
import { t } from "./localized-text.ts";

export interface SessionOptions {
  /** The sign-in page, with the way back to this page. Absent: the server has none. */
  readonly loginUrl: string | undefined;
  /** The server has banned the person, or admits them again. */
  onBanned(banned: boolean): void;
}

/**
 * Says why the server ended the connection for good, and lets the person try again.
 *
 * The page's token is a cookie that the application renews by `POST /session`. When a token expires, the server closes
 * the connection, and the client reconnects with the cookie as it is then. Without a valid cookie the page waits: for
 * the button, or until the person comes back to this tab, since they may have signed in elsewhere.
 */
export function watchSession(client: MadangClient, { loginUrl, onBanned }: SessionOptions): void {
  const note = byId("session-note");
  let signedOut = false;
  client.on("close", ({ code, reconnecting }) => {
    if (reconnecting) return;
    signedOut = code === CLOSE_CODES.invalidToken.code;
    const banned = code === CLOSE_CODES.removed.code || code === CLOSE_CODES.notAllowed.code;
    const hadFocus = note.contains(document.activeElement);
    const text = signedOut ? t.sessionEnded : banned ? t.banned : t.connectionEnded;
    const retry = make("button", { type: "button", className: "link", onclick: () => client.connect() });
    retry.textContent = signedOut ? t.resume : t.tryAgain;
    const signIn =
      signedOut && loginUrl !== undefined ? [make("a", { className: "link", href: loginUrl }, t.signIn), " "] : [];
    note.replaceChildren(text, " ", ...signIn, retry);
    if (hadFocus) retry.focus();
    onBanned(banned);
  });
  client.on("state", (state) => {
    if (state !== "connected") return;
    signedOut = false;
    const hadFocus = note.contains(document.activeElement);
    note.replaceChildren();
    onBanned(false);
    if (hadFocus) byId("chat-message-input").focus();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && signedOut) client.connect();
  });
}

/** Resolves when the server admits the client the next time. */
export function nextConnected(client: MadangClient): Promise<void> {
  return new Promise((resolve) => {
    const off = client.on("state", (state) => {
      if (state !== "connected") return;
      off();
      resolve();
    });
  });
}
