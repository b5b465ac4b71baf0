import { MadangClient, type MadangError, type PendingSend, type Room, type RoomEvents } from "@madang/client";
import { formatPosition, type HistoryPage, parsePosition } from "@madang/protocol/browser";
import { Composer } from "./composer.ts";
import { byId } from "./dom.ts";
import { Follow } from "./auto-scroll.ts";
import { History, rest } from "./history-api.ts";
import { keepAboveKeyboard } from "./virtual-keyboard.ts";
import { showConnection } from "./connection-indicator.ts";
import { LogView } from "./log-view.ts";
import { Newer } from "./newer-messages.ts";
import { NoticeElement } from "./notice-element.ts";
import { Older } from "./older-messages.ts";
import { admitted, watchSession } from "./session-notice.ts";
import { TypingLine } from "./typing-line.ts";
import { Unread } from "./unread-marker.ts";
import { Draft, type FailedSend, FailedSends, localStore, rememberVisit } from "./visitor-storage.ts";
import { outsideWords, sendErrorWords, t } from "./localized-text.ts";

/** What each room status says to somebody who wants to talk. */
const STATUS_WORDS = [undefined, t.readOnly, t.closed];

/** A room: the server's history, then live from exactly its position. */
export function startRoomPage(): void {
  const { room, user, position, foundOldest, status, mayWrite, textMax } = byId("room").dataset;
  rememberVisit(room!, user!);
  const storage = localStore();
  const client = new MadangClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
    user: user!,
    ...(storage ? { storage } : {}),
  });
  showConnection(client);
  watchSession(client);
  keepAboveKeyboard();
  const page = new RoomPage(client, room!, user!, {
    foundOldest: foundOldest === undefined ? undefined : foundOldest === "true",
    mayWrite: mayWrite === "true",
    textMax: Number(textMax),
  });
  page.showStatus(Number(status));
  page.join(position);
  page.showFailed();
  client.connect();
}

/** What the server said of the room. */
interface Seen {
  /** Absent while history is away. */
  readonly foundOldest: boolean | undefined;
  readonly mayWrite: boolean;
  readonly textMax: number;
}

class RoomPage {
  readonly #client: MadangClient;
  readonly #name: string;
  readonly #user: string;
  readonly #mayWrite: boolean;
  readonly #history: History;
  readonly #view: LogView;
  readonly #follow: Follow;
  readonly #newer: Newer;
  readonly #older: Older;
  readonly #unread: Unread;
  readonly #composer: Composer;
  readonly #failed: FailedSends;
  readonly #typing = new TypingLine();
  readonly #historyNote = byId("history-note");
  #room: Room | undefined;
  #status = 0;
  /** The server has not let us into the room, or has put us out of it. */
  #outside = false;
  #leave = () => {};
  #refreshing = false;
  /** Refreshes in a row that the log could not go on from. */
  #unrecovered = 0;

  constructor(client: MadangClient, name: string, user: string, seen: Seen) {
    this.#client = client;
    this.#name = name;
    this.#user = user;
    const log = byId("chat-log");
    this.#history = new History(name);
    this.#view = new LogView(log, user);
    this.#follow = new Follow(log, byId<HTMLButtonElement>("to-newest"), () => this.#toNewest());
    this.#newer = new Newer(log, this.#history, this.#view, this.#follow, (page) => this.#onNewer(page));
    this.#older = new Older(this.#history, this.#view, this.#follow, this.#newer, seen.foundOldest);
    this.#unread = new Unread(name, log, this.#view, this.#follow, () => this.#room?.position);
    this.#failed = new FailedSends(name, user);
    this.#mayWrite = seen.mayWrite;
    this.#composer = new Composer(
      seen.textMax,
      (text) => this.#say(text),
      () => this.#room?.typing(),
      new Draft(name),
    );
  }

  showStatus(status: number): void {
    this.#status = status;
    this.#composer.close(STATUS_WORDS[status] ?? (this.#mayWrite ? undefined : t.readOnly));
  }

  /** Comes into the room after `position`, also when it is in there; without one: live, and history when it comes. */
  join(position: string | undefined): void {
    const unsent = this.#room?.pending ?? [];
    this.#leave();
    const room = this.#client.join(this.#name, position === undefined ? {} : { after: position });
    const unsubscribe = [
      room.on("message", (event) => this.#onMessage(event)),
      room.on("edit", ({ epoch, target, message }) => this.#view.amend(formatPosition(epoch, target), message)),
      room.on("delete", ({ epoch, target }) => this.#view.amend(formatPosition(epoch, target), undefined)),
      room.on("room", (event) => this.#onRoom(event)),
      room.on("typing", (who) => this.#typing.add(who)),
      room.on("member", (event) => this.#onMember(event)),
      room.on("joined", (joined) => this.#onJoined(joined)),
      room.on("sent", ({ nonce, epoch, seq }) => {
        this.#failed.drop(nonce);
        this.#view.settle(nonce, formatPosition(epoch, seq));
      }),
      room.on("held", ({ error, ...send }) => this.#view.addPending(send).showHeld(sendErrorWords(error.code))),
      room.on("failed", ({ error, ...send }) => this.#onFailed({ ...send, code: error.code })),
      room.on("error", (error) => this.#onError(error)),
    ];
    this.#leave = () => {
      for (const off of unsubscribe) off();
      room.leave();
    };
    this.#room = room;
    // Leaving gave them up. The nonces make it harmless if one of them is stored already.
    for (const send of unsent) this.#send(send);
    for (const pending of room.pending) this.#showPending(pending);
    if (position === undefined) void this.#refresh(undefined);
    else this.#unread.begin();
  }

  /** What an earlier visit of this tab could not send, unless it is on its way again. */
  showFailed(): void {
    const pending = new Set(this.#room?.pending.map(({ nonce }) => nonce));
    for (const send of this.#failed.all) if (!pending.has(send.nonce)) this.#onFailed(send);
    this.#older.show();
  }

  #onMessage(event: RoomEvents["message"]): void {
    this.#typing.remove(event.user);
    if (event.user === this.#user && event.nonce !== undefined) this.#failed.drop(event.nonce);
    if (this.#follow.cut) return event.user === this.#user ? undefined : this.#follow.added();
    const isNew = this.#view.add({ ...event, position: formatPosition(event.epoch, event.seq) });
    // One's own that is new here was said in another tab.
    if (isNew && event.user !== this.#user) this.#follow.added();
    else this.#follow.noted();
    this.#unread.told(event.user === this.#user);
    if (!this.#view.crowded) this.#older.show();
    else if (this.#follow.atEnd) this.#dropOldest();
    else this.#newer.begin();
  }

  #dropOldest(): void {
    this.#follow.keepPlace(() => this.#view.trim());
    this.#older.foundOldest = false;
  }

  /** Who read far back has come further down. */
  #onNewer({ foundNewest, position }: HistoryPage): void {
    if (this.#view.crowded) this.#dropOldest();
    if (!foundNewest) return;
    this.#newer.end();
    this.join(position);
  }

  async #toNewest(): Promise<void> {
    await this.#refresh(undefined);
    if (!this.#follow.cut) this.#follow.said();
  }

  #onRoom({ topic, status }: Pick<RoomEvents["room"], "topic" | "status">): void {
    if (topic !== undefined) byId("room-topic").textContent = topic;
    if (status !== undefined) this.showStatus(status);
  }

  /** Of the moment: it is shown to who is there. History is what people said, and has none of it. */
  #onMember(event: RoomEvents["member"]): void {
    if (this.#follow.cut) return;
    this.#view.addNotice(new NoticeElement(event));
    this.#older.show();
    this.#follow.noted();
  }

  /** What is not temporary ends it; whether it still holds later, only trying again can tell. */
  #onError(error: RoomEvents["error"]): void {
    if (error.temporary) return this.#composer.note(sendErrorWords(error.code));
    this.#outside = true;
    this.#composer.close(outsideWords(error), () => this.join(this.#room?.position));
  }

  #onJoined({ recovered, epoch }: RoomEvents["joined"]): void {
    if (this.#outside) {
      this.#outside = false;
      this.showStatus(this.#status);
    }
    if (!recovered) void this.#refresh(epoch);
    else if (!this.#refreshing) this.#unrecovered = 0;
  }

  /**
   * Fetches history afresh and goes on from there. `epoch` is that of the log, if known: while history still ends in
   * an earlier one, everything of the new log is what is missing.
   */
  async #refresh(epoch: string | undefined): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    if (this.#unrecovered > 0) await rest(this.#unrecovered);
    this.#unrecovered++;
    const { room, page } = await this.#history.latest(
      () => {
        this.#historyNote.hidden = false;
      },
      () => admitted(this.#client),
    );
    this.#onRoom(room);
    this.#view.hush();
    this.#follow.keepPlace(() => {
      const first = page.messages[0];
      if (first) this.#view.dropBefore(first.position);
      for (const message of page.messages) this.#view.add(message);
      this.#newer.end();
      this.#older.foundOldest = page.foundOldest;
      this.#historyNote.hidden = true;
    });
    this.#refreshing = false;
    const historyEpoch = parsePosition(page.position)?.epoch ?? "";
    this.join(epoch !== undefined && historyEpoch < epoch ? formatPosition(epoch, 0) : page.position);
  }

  /** @returns whether it is on its way; if not, the composer says why */
  #say(text: string): boolean {
    const known = new Set(this.#room!.pending.map(({ nonce }) => nonce));
    this.#room!.send(text).catch((error: MadangError) => {
      if (!taken) this.#composer.note(sendErrorWords(error.code));
    });
    const taken = this.#room!.pending.find(({ nonce }) => !known.has(nonce));
    if (taken) {
      this.#unread.said();
      this.#showPending(taken);
    }
    return taken !== undefined;
  }

  /** Says it again with its nonce; what becomes of it is told by the room's events, unless the room does not take it. */
  #send(send: PendingSend): void {
    const { text, ...options } = send;
    this.#room!.send(text, options).catch((error: MadangError) => {
      const taken = this.#room!.pending.some(({ nonce }) => nonce === send.nonce);
      if (!taken) this.#onFailed({ ...send, code: error.code });
    });
  }

  #showPending(pending: PendingSend): void {
    this.#view.addPending(pending);
    this.#older.show();
    this.#follow.said();
  }

  #onFailed(failed: FailedSend): void {
    const { code, ...send } = failed;
    this.#failed.add(failed);
    const retry = () => {
      this.#showPending(send);
      this.#send(send);
      this.#composer.focus();
    };
    const discard = () => {
      this.#failed.drop(send.nonce);
      this.#view.dropPending(send.nonce);
      this.#older.show();
      this.#composer.focus();
    };
    this.#view.addPending(send).showFailed(sendErrorWords(code), retry, discard);
  }
}
