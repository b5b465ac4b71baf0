import type { FailureLog } from "@madang/runtime";
import { errors } from "jose";
import { ACTIONS } from "./permissions.ts";

const SHOWN_CHARACTERS = 20;

/** A grant as a token states it. */
export interface RoomClaim {
  readonly name?: string;
  readonly pattern?: string;
  readonly can: readonly string[];
}

/**
 * Logs why a token is refused. The text repeats nothing from a token without a verified signature. The library's own
 * messages may: they name unknown header parameters.
 */
export function reportRefusal(error: Error, onFailure: FailureLog): void {
  onFailure(`a token is refused: ${reasonOf(error)}`, new Error("see the guide to authentication"));
}

/** Logs mistakes in the grants of a verified token, which give its bearer fewer rights than the issuer intended. */
export function reportGrantMistakes(grants: readonly RoomClaim[], onFailure: FailureLog): void {
  for (const { name, pattern, can } of grants) {
    for (const right of can) {
      if ((ACTIONS as readonly string[]).includes(right)) continue;
      const shown = JSON.stringify(right.slice(0, SHOWN_CHARACTERS));
      onFailure("a token grants an unknown right", new Error(`${shown} is none of ${ACTIONS.join(", ")}`));
    }
    if (name?.includes("*")) {
      onFailure('a token grants a room by a name with "*"', new Error('only "pattern" matches several rooms'));
    }
    if (name === undefined && pattern === undefined) {
      onFailure("a token grants rights without a room", new Error('a grant needs "name" or "pattern"'));
    }
  }
}

function reasonOf(error: Error): string {
  // These are checked after the signature. The message names the claim, not its value.
  if (error instanceof errors.JWTClaimValidationFailed) return error.message;
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature does not match the key";
  if (error instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not allowed here";
  if (error instanceof errors.JWKSNoMatchingKey) return "JWKS_URL has no key with its key id";
  return "it is not a valid JWT";
}
