import { DEFAULT_LOG_SETTINGS, openLog } from "@madang/broker";
import { encodeEvent } from "@madang/protocol";
import { markedText } from "./load/marks.ts";

/** Messages that await their acknowledgement, over all rooms. The share of each room fits into its lane. */
const WINDOW = 8000;
const TEXT_BYTES = 100;

/** Stores messages in the log as an edge does, for all rooms in turn. @returns the epoch of the log */
export async function fillLog(natsUrl: string, rooms: readonly string[], messagesPerRoom: number): Promise<string> {
  const log = openLog({ url: natsUrl, name: "madang bench" }, DEFAULT_LOG_SETTINGS);
  await log.ready;
  const at = new Date().toISOString();
  const perTurn = Math.max(1, Math.floor(WINDOW / rooms.length));
  for (let first = 1; first <= messagesPerRoom; first += perTurn) {
    const stored: Promise<unknown>[] = [];
    for (let id = first; id < Math.min(first + perTurn, messagesPerRoom + 1); id++) {
      for (const room of rooms) {
        const message = markedText({ publisher: 0, id, sentUs: 0 }, TEXT_BYTES);
        const event = { type: "message", room, user: "u0", message, at, nonce: `fill-${id}` } as const;
        stored.push(log.lane(room).publish(`${room}-${id}`, encodeEvent(event)));
      }
    }
    await Promise.all(stored);
  }
  const { epoch } = log;
  await log.close(5000);
  return epoch;
}
