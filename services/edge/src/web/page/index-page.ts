import { nicknameProblem, roomNameProblem } from "../shared/name-problem.ts";
import { byId, make } from "./dom.ts";
import { t } from "./localized-text.ts";
import { lastNickname, visitedRooms } from "./visitor-storage.ts";

/** The entrance: a room name and a nickname become a URL. The nickname of a signed-in person comes from the token. */
export function startIndexPage(): void {
  const form = document.querySelector<HTMLFormElement>("#entrance");
  if (!form) return;
  // The messages of this script are better than the browser's, which help without a script.
  form.noValidate = true;
  const room = new Field("room-name-input", "room-error", (text) => roomNameProblem(t, text));
  const { user } = form.dataset;
  const nickname =
    user === undefined ? new Field("nickname-input", "nickname-error", (text) => nicknameProblem(t, text)) : undefined;
  if (nickname) nickname.input.value ||= lastNickname();
  (room.value && nickname && !nickname.value ? nickname : room).input.focus();

  const enter = () => {
    const wrong = [room, nickname].filter((field) => field && !field.check());
    if (wrong[0]) return wrong[0].input.focus();
    location.assign(`/chat/${encodeURIComponent(room.value)}/${encodeURIComponent(nickname?.value ?? user!)}`);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter();
  });
  showVisitedRooms((name) => {
    room.input.value = name;
    enter();
  });
}

/** A field with its error message, which appears when the form is submitted and disappears when the text changes. */
class Field {
  readonly input: HTMLInputElement;
  readonly #error: HTMLElement;
  readonly #problem: (text: string) => string | undefined;

  constructor(inputId: string, errorId: string, problem: (text: string) => string | undefined) {
    this.input = byId<HTMLInputElement>(inputId);
    this.#error = byId(errorId);
    this.#problem = problem;
    this.input.addEventListener("input", () => this.#show(undefined));
  }

  get value(): string {
    return this.input.value.trim();
  }

  check(): boolean {
    const problem = this.#problem(this.value);
    this.#show(problem);
    return problem === undefined;
  }

  #show(problem: string | undefined): void {
    this.#error.textContent = problem ?? "";
    this.input.setAttribute("aria-invalid", String(problem !== undefined));
  }
}

function showVisitedRooms(pick: (room: string) => void): void {
  const named = new Set(Array.from(document.querySelectorAll("#rooms a"), ({ textContent }) => textContent));
  const rooms = visitedRooms().filter((room) => !named.has(room));
  byId("visited").hidden = rooms.length === 0;
  const buttons = rooms.map((name) => make("button", { type: "button", dir: "auto", onclick: () => pick(name) }, name));
  byId("visited")
    .querySelector("ul")!
    .append(...buttons.map((button) => make("li", {}, button)));
}
