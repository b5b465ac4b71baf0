import { CLOSE_CODES } from "@madang/protocol/browser";
import type { MadangError } from "./errors.ts";
import { ABNORMAL_CLOSURE } from "./transport.ts";

/** RFC 6455: the close frame has no code. */
const NO_STATUS = 1005;

/** The server refused the `hello`. Its close frame, if it sends one, follows and says why. */
export class Refusal {
  readonly error: MadangError;
  /** The next `hello` would be refused, too. A token function may return another token: then the close code decides. */
  readonly isFinal: boolean;

  constructor(error: MadangError, hasTokenFunction: boolean) {
    this.error = error;
    this.isFinal = error.code !== "unauthorized" || !hasTokenFunction;
  }

  /** The server's close code and reason. If the server sent none: the code of the error, and the error as the reason. */
  closeOf(code: number, reason: string): { code: number; reason: string } {
    if (code !== ABNORMAL_CLOSURE && code !== NO_STATUS) return { code, reason };
    return { code: closeCodeOf(this.error), reason: this.error.code };
  }
}

function closeCodeOf({ code }: MadangError): number {
  if (code === "unauthorized") return CLOSE_CODES.invalidToken.code;
  if (code === "not_allowed") return CLOSE_CODES.notAllowed.code;
  return CLOSE_CODES.badRequest.code;
}
