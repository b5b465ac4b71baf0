import { aboutOf, decodePlain, decodeUp, type PlainMessageFrame, ProtocolError, type UpFrame } from "@madang/protocol";
import type { FrameHandler } from "../socket/connection.ts";
import { handleFrame } from "./frames/index.ts";
import { handlePlainMessage } from "./frames/plain-message.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** Decodes what a connection reads, hands it to the frame's handler, and answers errors. */
export class Dispatch implements FrameHandler {
  readonly #session: Session;
  readonly #sessions: Sessions;

  constructor(session: Session, sessions: Sessions) {
    this.#session = session;
    this.#sessions = sessions;
  }

  onFrame(data: Buffer, isBinary: boolean): void {
    const session = this.#session;
    if (session.defer(() => this.onFrame(data, isBinary))) return;
    let frame: UpFrame | PlainMessageFrame | undefined;
    try {
      if (isBinary) throw new ProtocolError("binary_frame");
      const text = data.toString("utf8");
      if (session.isPlain) {
        frame = decodePlain(text);
        handlePlainMessage(session, frame);
      } else {
        frame = decodeUp(text);
        handleFrame(session, this.#sessions, frame);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        session.services.logger.error({ err: error as Error }, "frame handler failed");
      }
      session.connection.sendError(error, frame && aboutOf(frame));
      session.refused(frame ? undefined : data.length);
    }
  }

  /** No limit of the protocol is about pings and pongs, so they count as refused. */
  onControlFrame(): void {
    this.#session.refused();
  }

  answerAll(limitMs: number): Promise<void> | undefined {
    return this.#session.answerAll(limitMs);
  }

  onClose(): void {
    this.#session.end();
    this.#sessions.remove(this.#session);
  }
}
