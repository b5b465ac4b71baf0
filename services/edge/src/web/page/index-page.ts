import { requireRoom, requireUser } from "@madang/protocol/browser";
import { byId, make } from "./dom.ts";
import * as visitor from "./visitor-storage.ts";
import { errorWords } from "./localized-text.ts";

/** The entrance: a room and a nickname become a URL. Enter in either field submits, as in every form. */
export function startIndexPage(): void {
  const room = byId<HTMLInputElement>("room-name-input");
  const nickname = byId<HTMLInputElement>("nickname-input");
  nickname.value ||= visitor.nickname();
  (room.value && !nickname.value ? nickname : room).focus();

  const enter = () => {
    const name = accepted(() => requireRoom(room.value.trim()));
    const user = accepted(() => requireUser(nickname.value.trim()));
    show(room, "room-error", name === undefined ? errorWords("bad_room") : "");
    show(nickname, "nickname-error", user === undefined ? errorWords("bad_user") : "");
    if (name === undefined) return room.focus();
    if (user === undefined) return nickname.focus();
    location.assign(`/chat/${encodeURIComponent(name)}/${encodeURIComponent(user)}`);
  };

  byId("entrance").addEventListener("submit", (event) => {
    event.preventDefault();
    enter();
  });
  const rooms = visitor.visitedRooms();
  byId("visited").hidden = rooms.length === 0;
  byId("visited")
    .querySelector("ul")!
    .append(
      ...rooms.map((name) =>
        make("li", {}, make("button", { type: "button", dir: "auto", onclick: () => pick(name) }, name)),
      ),
    );
  const pick = (name: string) => {
    room.value = name;
    enter();
  };
}

function show(field: HTMLInputElement, errorId: string, message: string): void {
  byId(errorId).textContent = message;
  field.setAttribute("aria-invalid", String(message !== ""));
}

function accepted(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
