import { MadangClient, type MadangError, type PendingSend, type Room, type RoomEvents } from "@madang/client";
import { formatPosition, type HistoryPage, parsePosition } from "@madang/protocol/browser";
import { AutoScroll } from "./auto-scroll.ts";
import { Composer } from "./composer.ts";
import { showConnection } from "./connection-indicator.ts";
import { byId } from "./dom.ts";
import { backoff, HistoryApi } from "./history-api.ts";
import { clientErrorMessage, notAdmittedMessage, t } from "./localized-text.ts";
import { LogView } from "./log-view.ts";
import { ModerationNotice } from "./moderation-notice.ts";
import { NewerMessages } from "./newer-messages.ts";
import { OlderMessages } from "./older-messages.ts";
import { nextConnected, watchSession } from "./session-notice.ts";
import { TypingLine } from "./typing-line.ts";
import { UnreadMarker } from "./unread-marker.ts";
import { keepAboveKeyboard } from "./virtual-keyboard.ts";
import { Draft, type FailedSend, FailedSends, localStore, rememberVisit } from "./visitor-storage.ts";

/** Why a person without the right to moderate cannot write, by the status of the room. */
const STATUS_REASONS = [undefined, t.readOnly, t.closed];

/** A room: the history that the server rendered, then live events from exactly its position. */
export function startRoomPage(): void {
  const { room, user, position, foundOldest, status, mayWrite, mayModerate, textMax, loginUrl } = byId("room").dataset;
  rememberVisit(room!, user!);
  const storage = localStore();
  const client = new MadangClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
    user: user!,
    ...(storage ? { storage } : {}),
  });
  showConnection(client);
  keepAboveKeyboard();
  const page = new RoomPage(client, room!, user!, {
    foundOldest: foundOldest === undefined ? undefined : foundOldest === "true",
    mayWrite: mayWrite === "true",
    mayModerate: mayModerate === "true",
    textMax: Number(textMax),
  });
  watchSession(client, { loginUrl, onBanned: (banned) => page.showBanned(banned) });
  page.showStatus(Number(status));
  page.join(position);
  page.showFailed();
  client.connect();
}

/** The server's data about the room and the person. */
interface RoomData {
  /** Absent while history is unavailable. */
  readonly foundOldest: boolean | undefined;
  readonly mayWrite: boolean;
  /** Moderators may write whatever the status of the room. */
  readonly mayModerate: boolean;
  readonly textMax: number;
}

class RoomPage {
  readonly #client: MadangClient;
  readonly #name: string;
  readonly #user: string;
  readonly #data: RoomData;
  readonly #history: HistoryApi;
  readonly #view: LogView;
  readonly #scroll: AutoScroll;
  readonly #newer: NewerMessages;
  readonly #older: OlderMessages;
  readonly #unread: UnreadMarker;
  readonly #composer: Composer;
  readonly #failed: FailedSends;
  readonly #typing = new TypingLine();
  readonly #historyNote = byId("history-note");
  #room: Room | undefined;
  #status = 0;
  /** Why the server refused the join, or removed the person from the room. */
  #removedReason: string | undefined;
  #banned = false;
  #leave = () => {};
  #refreshing = false;
  /** Refreshes in a row after which the log could not replay. */
  #unrecovered = 0;

  constructor(client: MadangClient, name: string, user: string, data: RoomData) {
    this.#client = client;
    this.#name = name;
    this.#user = user;
    const log = byId("chat-log");
    this.#history = new HistoryApi(name, data.mayWrite);
    this.#view = new LogView(log, user);
    this.#scroll = new AutoScroll(log, byId<HTMLButtonElement>("to-newest"), () => this.#toNewest());
    this.#newer = new NewerMessages(log, this.#history, this.#view, this.#scroll, (page) => this.#onNewer(page));
    this.#older = new OlderMessages(this.#history, this.#view, this.#scroll, this.#newer, data.foundOldest);
    this.#unread = new UnreadMarker(name, log, this.#view, this.#scroll, () => this.#room?.position);
    this.#failed = new FailedSends(name, user);
    this.#data = data;
    const handlers = { send: (text: string) => this.#sendText(text), typing: () => this.#room?.typing() };
    this.#composer = new Composer(data.textMax, handlers, new Draft(name));
  }

  showStatus(status: number): void {
    this.#status = status;
    this.#updateComposer();
  }

  /** A ban from the whole server; the session notice says so. */
  showBanned(banned: boolean): void {
    if (banned === this.#banned) return;
    this.#banned = banned;
    this.#updateComposer();
  }

  /** Joins the room after `position`, also anew. Without a position: live, and history once it is available. */
  join(position: string | undefined): void {
    const unsent = this.#room?.pending ?? [];
    this.#leave();
    const room = this.#client.join(this.#name, position === undefined ? {} : { after: position });
    const unsubscribe = [
      room.on("message", (event) => this.#onMessage(event)),
      room.on("edit", ({ epoch, target, message }) => this.#view.amend(formatPosition(epoch, target), message)),
      room.on("delete", (event) => this.#onDelete(event)),
      room.on("room", (event) => {
        if (event.cleared) this.#onDeleted(formatPosition(event.epoch, event.seq));
        this.#onRoom(event);
      }),
      room.on("typing", (event) => this.#typing.add(event)),
      room.on("member", (event) => this.#onMember(event)),
      room.on("joined", (joined) => this.#onJoined(joined)),
      room.on("sent", ({ nonce, epoch, seq }) => {
        this.#failed.remove(nonce);
        this.#view.settle(nonce, formatPosition(epoch, seq));
      }),
      room.on("held", ({ error, ...send }) => this.#view.addPending(send).showHeld(clientErrorMessage(error.code))),
      room.on("failed", ({ error, ...send }) => this.#onFailed({ ...send, code: error.code })),
      room.on("error", (error) => this.#onError(error)),
    ];
    this.#leave = () => {
      for (const off of unsubscribe) off();
      room.leave();
    };
    this.#room = room;
    // Leaving the room gave them up. Their nonces prevent a second copy of a message that is already stored.
    for (const send of unsent) this.#resend(send);
    for (const pending of room.pending) this.#showPending(pending);
    if (position === undefined) void this.#refresh(undefined);
    else this.#unread.begin();
  }

  /** Shows the failed messages of an earlier visit of this tab, unless they are pending again. */
  showFailed(): void {
    const pending = new Set(this.#room?.pending.map(({ nonce }) => nonce));
    for (const send of this.#failed.all) if (!pending.has(send.nonce)) this.#onFailed(send);
    this.#older.show();
  }

  #onMessage(event: RoomEvents["message"]): void {
    this.#typing.remove(event.user);
    if (event.user === this.#user && event.nonce !== undefined) this.#failed.remove(event.nonce);
    if (this.#scroll.truncated) return event.user === this.#user ? undefined : this.#scroll.messageAdded();
    const isNew = this.#view.add({ ...event, position: formatPosition(event.epoch, event.seq) });
    // An own message that is new here was written in another tab.
    if (isNew && event.user !== this.#user) this.#scroll.messageAdded();
    else this.#scroll.update();
    this.#unread.messageAdded(event.user === this.#user);
    if (!this.#view.crowded) this.#older.show();
    else if (this.#scroll.atEnd) this.#dropOldest();
    else this.#newer.begin();
  }

  #dropOldest(): void {
    this.#scroll.keepPlace(() => this.#view.trim());
    this.#older.foundOldest = false;
  }

  /** The reader has come to the end of a truncated page. */
  #onNewer({ foundNewest, position }: HistoryPage): void {
    if (this.#view.crowded) this.#dropOldest();
    if (!foundNewest) return;
    this.#newer.end();
    this.join(position);
  }

  async #toNewest(): Promise<void> {
    await this.#refresh(undefined);
    if (!this.#scroll.truncated) this.#scroll.followOwn();
  }

  #onDelete({ epoch, target, erased }: RoomEvents["delete"]): void {
    const position = formatPosition(epoch, target);
    if (erased) this.#view.erase(position);
    else this.#view.amend(position, undefined);
  }

  /** The room was deleted: drops what it had up to `position`; without one, all that the page shows of it. */
  #onDeleted(position?: string): void {
    this.#view.dropStored(position);
    this.#newer.end();
    this.#older.foundOldest = true;
    byId("room-topic").textContent = "";
  }

  #onRoom({ topic, status }: { topic?: string; status?: number }): void {
    if (topic !== undefined) byId("room-topic").textContent = topic;
    if (status !== undefined) this.showStatus(status);
  }

  /** Shown live only: history contains messages and no moderation events. */
  #onMember(event: RoomEvents["member"]): void {
    if (this.#scroll.truncated) return;
    this.#view.addNotice(new ModerationNotice(event));
    this.#older.show();
    this.#scroll.update();
  }

  /** An error that is not temporary ends the membership. */
  #onError(error: RoomEvents["error"]): void {
    if (error.temporary) return this.#composer.note(clientErrorMessage(error.code));
    if (error.code === "room_deleted") this.#onDeleted();
    this.#removedReason = notAdmittedMessage(error);
    this.#updateComposer();
  }

  #onJoined({ recovered, epoch }: RoomEvents["joined"]): void {
    if (this.#removedReason !== undefined) {
      this.#removedReason = undefined;
      this.#updateComposer();
    }
    if (!recovered) void this.#refresh(epoch);
    else if (!this.#refreshing) this.#unrecovered = 0;
  }

  /** Enables the composer, or disables it with the first reason that holds. */
  #updateComposer(): void {
    const { mayWrite, mayModerate } = this.#data;
    if (this.#banned) return this.#composer.disable("");
    if (this.#removedReason !== undefined) {
      return this.#composer.disableUntilRetry(this.#removedReason, () => this.join(this.#room?.position));
    }
    const reason = mayWrite ? (mayModerate ? undefined : STATUS_REASONS[this.#status]) : t.noWrite;
    if (reason === undefined) this.#composer.enable();
    else this.#composer.disable(reason);
  }

  /**
   * Fetches history again and joins at its end. `epoch` is the current epoch of the log, if known. While history still
   * ends in an earlier epoch, the join begins at the start of the log.
   */
  async #refresh(epoch: string | undefined): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    if (this.#unrecovered > 0) await backoff(this.#unrecovered);
    this.#unrecovered++;
    const { room, page } = await this.#history.latest(
      () => {
        this.#historyNote.hidden = false;
      },
      () => nextConnected(this.#client),
    );
    this.#onRoom({ topic: "", ...room });
    this.#view.mute();
    this.#scroll.keepPlace(() => {
      const first = page.messages[0];
      if (first) this.#view.dropBefore(first.position);
      else this.#view.dropStored(page.position);
      for (const message of page.messages) this.#view.add(message);
      this.#newer.end();
      this.#older.foundOldest = page.foundOldest;
      this.#historyNote.hidden = true;
    });
    this.#refreshing = false;
    const historyEpoch = parsePosition(page.position)?.epoch ?? "";
    this.join(epoch !== undefined && historyEpoch < epoch ? formatPosition(epoch, 0) : page.position);
  }

  /** @returns whether the message is pending; otherwise the composer says why */
  #sendText(text: string): boolean {
    const known = new Set(this.#room!.pending.map(({ nonce }) => nonce));
    this.#room!.send(text).catch((error: MadangError) => {
      if (!taken) this.#composer.note(clientErrorMessage(error.code));
    });
    const taken = this.#room!.pending.find(({ nonce }) => !known.has(nonce));
    if (taken) {
      this.#unread.clear();
      this.#showPending(taken);
    }
    return taken !== undefined;
  }

  /** Sends a message again with its nonce. The room's events report the result, unless the room refuses it at once. */
  #resend(send: PendingSend): void {
    const { text, ...options } = send;
    this.#room!.send(text, options).catch((error: MadangError) => {
      const taken = this.#room!.pending.some(({ nonce }) => nonce === send.nonce);
      if (!taken) this.#onFailed({ ...send, code: error.code });
    });
  }

  #showPending(pending: PendingSend): void {
    this.#view.addPending(pending);
    this.#older.show();
    this.#scroll.followOwn();
  }

  #onFailed(failed: FailedSend): void {
    const { code, ...send } = failed;
    this.#failed.add(failed);
    const retry = () => {
      this.#showPending(send);
      this.#resend(send);
      this.#composer.focus();
    };
    const discard = () => {
      this.#failed.remove(send.nonce);
      this.#view.dropPending(send.nonce);
      this.#older.show();
      this.#composer.focus();
    };
    this.#view.addPending(send).showFailed(clientErrorMessage(code), retry, discard);
  }
}
