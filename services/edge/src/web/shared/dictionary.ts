/** Every word of the pages, in the two languages that they speak. `{n}` and `{m}` stand for numbers, `{user}` and `{other}` for names, `{until}` for a time. */
import { ERRORS, type ErrorCode } from "@madang/protocol/browser";

const EN = {
  title: "Madang",
  tagline: "The yard where a village gathers to talk",
  room: "Room",
  roomHint: "Any name, in any script. A room that does not exist yet is made.",
  nickname: "Nickname",
  enter: "Come in",
  visitedRooms: "Rooms you visited",
  log: "Conversation",
  message: "Message",
  placeholder: "Say something…",
  composerHint: "Enter sends, Shift+Enter makes a new line.",
  tooLong: "A message has at most {n} characters; this one has {m}.",
  send: "Send",
  leave: "Leave",
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Connecting again…",
  offline: "Offline",
  refused: "Disconnected",
  historyLater: "Earlier messages are coming later. You can talk already.",
  historyFailed: "Earlier messages cannot be loaded now.",
  emptyRoom: "Nobody has said anything here yet. Say the first word.",
  older: "Load earlier messages",
  newer: "Load later messages",
  laterFailed: "Later messages cannot be loaded now.",
  loading: "Loading…",
  tryAgain: "Try again",
  beginning: "The conversation begins here.",
  deleted: "This message was deleted.",
  edited: "edited",
  sending: "Sending…",
  failed: "Not sent.",
  retry: "Send again",
  discard: "Discard",
  news: "New messages",
  newMessages: "New messages: {n}",
  toNewest: "To the newest",
  readOnly: "This room is read-only.",
  closed: "This room is closed.",
  notLetIn: "You cannot be in this room now: a moderator has banned you, or it is not open to you.",
  notLetInUntil: "You cannot be in this room until {until}: a moderator has banned you.",
  outside: "You are not in this room now.",
  connectionEnded: "The server has ended the connection.",
  removed: "You cannot talk here now: a moderator has banned you.",
  sessionEnded: "Your session has ended. Sign in again, in another tab for example, and go on here.",
  goOn: "Go on",
  typing: "{user} is typing…",
  typingTwo: "{user} and {other} are typing…",
  typingMany: "Several people are typing…",
  ban: "{user} was banned by a moderator.",
  banUntil: "{user} was banned by a moderator until {until}.",
  unban: "{user} may come in again.",
  mute: "{user} was muted by a moderator.",
  muteUntil: "{user} was muted by a moderator until {until}.",
  unmute: "{user} may speak again.",
  noScript: "Without JavaScript you can read here, but not talk.",
  badPage: "That did not work",
  toIndex: "To the entrance",
};

export type Dictionary = Readonly<Record<keyof typeof EN, string>>;
export type Language = "en" | "ko";

const KO: Dictionary = {
  title: "마당",
  tagline: "마을 사람들이 모여 이야기하는 곳",
  room: "방 이름",
  roomHint: "어떤 이름이든 좋아요. 없는 방은 새로 만들어집니다.",
  nickname: "닉네임",
  enter: "들어가기",
  visitedRooms: "다녀온 방",
  log: "대화",
  message: "메시지",
  placeholder: "메시지를 입력하세요…",
  composerHint: "Enter는 보내기, Shift+Enter는 줄 바꿈입니다.",
  tooLong: "메시지는 {n}자까지 쓸 수 있어요. 지금은 {m}자입니다.",
  send: "보내기",
  leave: "나가기",
  connecting: "연결하는 중…",
  connected: "연결됨",
  reconnecting: "다시 연결하는 중…",
  offline: "오프라인",
  refused: "연결이 끊겼습니다",
  historyLater: "지난 대화는 잠시 뒤에 불러올게요. 대화는 지금도 할 수 있어요.",
  historyFailed: "지난 대화를 지금은 불러올 수 없어요.",
  emptyRoom: "아직 아무도 말을 꺼내지 않았어요. 첫마디를 건네 보세요.",
  older: "이전 대화 더 보기",
  newer: "다음 대화 더 보기",
  laterFailed: "다음 대화를 지금은 불러올 수 없어요.",
  loading: "불러오는 중…",
  tryAgain: "다시 시도",
  beginning: "여기서 대화가 시작됩니다.",
  deleted: "삭제된 메시지입니다.",
  edited: "수정됨",
  sending: "보내는 중…",
  failed: "보내지 못했어요.",
  retry: "다시 보내기",
  discard: "지우기",
  news: "새 메시지",
  newMessages: "새 메시지 {n}개",
  toNewest: "맨 아래로",
  readOnly: "읽기만 할 수 있는 방입니다.",
  closed: "닫힌 방입니다.",
  notLetIn: "지금은 이 방에 있을 수 없습니다. 관리자가 내보냈거나, 들어올 권한이 없습니다.",
  notLetInUntil: "관리자가 내보내서 {until}까지 이 방에 있을 수 없습니다.",
  outside: "지금은 이 방에 들어와 있지 않습니다.",
  connectionEnded: "서버가 연결을 끊었습니다.",
  removed: "관리자가 내보내서 지금은 이야기할 수 없습니다.",
  sessionEnded: "로그인이 만료되었습니다. 다른 탭에서라도 다시 로그인한 뒤 여기서 이어 가세요.",
  goOn: "이어 가기",
  typing: "{user} 님이 입력하고 있어요…",
  typingTwo: "{user} 님과 {other} 님이 입력하고 있어요…",
  typingMany: "여러 사람이 입력하고 있어요…",
  ban: "관리자가 {user} 님을 내보냈습니다.",
  banUntil: "관리자가 {user} 님을 {until}까지 내보냈습니다.",
  unban: "{user} 님이 다시 들어올 수 있습니다.",
  mute: "관리자가 {user} 님의 발언을 제한했습니다.",
  muteUntil: "관리자가 {user} 님의 발언을 {until}까지 제한했습니다.",
  unmute: "{user} 님이 다시 말할 수 있습니다.",
  noScript: "자바스크립트가 꺼져 있어 읽기만 할 수 있어요.",
  badPage: "들어갈 수 없어요",
  toIndex: "입구로 가기",
};

/** Errors that a person on these pages can meet; every other one is shown in the table's own words. */
const KO_ERRORS: Partial<Record<ErrorCode, string>> = {
  bad_request: "잘못된 요청입니다.",
  bad_room: "방 이름은 1자에서 100자까지이고, 제어 문자와 '/'는 쓸 수 없습니다.",
  bad_user: "닉네임은 1자에서 100자까지이고, 제어 문자는 쓸 수 없습니다.",
  empty_text: "메시지가 비어 있습니다.",
  text_too_long: "메시지가 너무 깁니다.",
  unauthorized: "들어오려면 먼저 로그인해야 합니다.",
  not_allowed: "이 방에서는 할 수 없습니다.",
  muted: "이 방에서 말할 수 없도록 제한되었습니다.",
  room_read_only: KO.readOnly,
  room_closed: KO.closed,
  not_found: "찾는 것이 없습니다.",
  rate_limited: "요청이 너무 많습니다. 잠시 기다려 주세요.",
  too_many_pending: "보내는 중인 메시지가 너무 많습니다. 잠시 기다려 주세요.",
  log_full: "저장 공간이 가득 차서 저장하지 못했습니다.",
  log_unavailable: "서버가 메시지를 저장했는지 알 수 없습니다. 다시 보내도 두 번 저장되지 않습니다.",
  history_unavailable: KO.historyFailed,
  internal: "서버에 문제가 생겼습니다.",
};

export function dictionary(language: Language): Dictionary {
  return language === "ko" ? KO : EN;
}

/** What an error is called in this language. */
export function errorText(language: Language, code: ErrorCode): string {
  return (language === "ko" ? KO_ERRORS[code] : undefined) ?? ERRORS[code].message;
}

/** The better of our two languages for an `Accept-Language` header (RFC 9110, 12.5.4). */
export function chooseLanguage(acceptLanguage: string | undefined): Language {
  const weight = { ko: 0, en: 0 };
  for (const part of (acceptLanguage ?? "").slice(0, 512).split(",")) {
    const [range = "", ...parameters] = part.trim().toLowerCase().split(";");
    const language = range.split("-")[0];
    if (language !== "ko" && language !== "en") continue;
    const q = parameters.find((parameter) => parameter.trim().startsWith("q="));
    weight[language] = Math.max(weight[language], q === undefined ? 1 : Number(q.trim().slice(2)) || 0);
  }
  return weight.ko > weight.en ? "ko" : "en";
}
