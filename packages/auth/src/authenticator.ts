import { ProtocolError, requireUser, TOKEN_MAX_LENGTH } from "@madang/protocol";
import { Bucket, type FailureLog, type Rate } from "@madang/runtime";
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { ANYONE, type Identity } from "./identity.ts";
import { ACTIONS, type Action, Permissions } from "./permissions.ts";
import type { AuthSettings, JwtSettings } from "./settings.ts";
import { reportGrantMistakes, reportRefusal } from "./token-mistakes.ts";

/** Tolerance for clock differences: a token is valid for this much longer than its `exp`. */
const LEEWAY_S = 5;
/** Fixed by the settings: a token must not choose how it is checked. */
const SECRET_ALGORITHMS = ["HS256"];
const PUBLIC_ALGORITHMS = ["RS256", "ES256", "EdDSA"];
/** A token with an unknown key id causes a fetch of the keys, within this limit: anyone can make up key ids. */
const JWKS_FETCHES: Rate = { count: 5, windowMs: 60_000 };
const JWKS_MAX_AGE_MS = 10 * 60_000;
const JWKS_TIMEOUT_MS = 5000;

/** A token that is not valid, or has expired. */
export class TokenError extends ProtocolError {
  readonly expired: boolean;

  constructor(message: string, expired = false) {
    super("unauthorized", { message });
    this.name = "TokenError";
    this.expired = expired;
  }
}

/** Turns a token into an identity. */
export interface Authenticator {
  /** The identity of a client without a token. `undefined` where a token is required. */
  readonly anonymous: Identity | undefined;
  /**
   * The identity that the token proves. With AUTH=none the token is not read.
   * @throws TokenError for a token that is not valid; ProtocolError `internal` (temporary) while no public keys can be fetched
   */
  verify(token: string): Promise<Identity>;
}

/**
 * Public keys are fetched for the first token, and cached for 10 minutes.
 * @param onFailure reports that keys cannot be fetched, and mistakes in signed tokens. It never gets a token
 */
export function createAuthenticator(settings: AuthSettings, onFailure: FailureLog = () => {}): Authenticator {
  if (settings.mode === "none") return { anonymous: ANYONE, verify: async () => ANYONE };
  const check = checker(settings);
  return {
    anonymous: undefined,
    verify: async (token) => {
      if (token.length > TOKEN_MAX_LENGTH) throw new TokenError("The token is too long.");
      const payload = await check(token).catch((error) => refuse(error, onFailure));
      return identityOf(payload, onFailure);
    },
  };
}

function checker({ key, issuer, audience }: JwtSettings): (token: string) => Promise<JWTPayload> {
  const options: JWTVerifyOptions = {
    clockTolerance: LEEWAY_S,
    requiredClaims: ["exp", "sub"],
    algorithms: "secret" in key ? SECRET_ALGORITHMS : PUBLIC_ALGORITHMS,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  if ("secret" in key) return async (token) => (await jwtVerify(token, key.secret, options)).payload;
  const keys = createRemoteJWKSet(key.jwksUrl, {
    // The library's own pause after a fetch would refuse a key that was published meanwhile.
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: JWKS_MAX_AGE_MS,
    timeoutDuration: JWKS_TIMEOUT_MS,
  });
  const fetches = new Bucket(JWKS_FETCHES);
  return async (token) => {
    const verify = async () => (await jwtVerify(token, keys, options)).payload;
    return await verify().catch(async (error) => {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // All tokens that wait share one fetch.
      if (keys.reloading || fetches.take(performance.now()) === 0) await keys.reload();
      return await verify();
    });
  };
}

/** Failures of the token, unlike those of fetching the keys. */
const ABOUT_THE_TOKEN = [
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

function refuse(error: Error, onFailure: FailureLog): never {
  if (error instanceof errors.JWTExpired) throw new TokenError("The token has expired.", true);
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf" && error.reason === "check_failed") {
    throw new ProtocolError("token_not_valid_yet", {
      retryAfter: Math.max(1, Number(error.payload.nbf) - Date.now() / 1000),
    });
  }
  if (ABOUT_THE_TOKEN.some((kind) => error instanceof kind)) {
    reportRefusal(error, onFailure);
    throw new TokenError("The token is not valid.");
  }
  onFailure("tokens cannot be checked", error.cause instanceof Error ? error.cause : error);
  throw new ProtocolError("internal", { message: "Tokens cannot be checked now.", cause: error });
}

const RoomClaim = Type.Object({
  name: Type.Optional(Type.String()),
  pattern: Type.Optional(Type.String()),
  can: Type.Array(Type.String()),
});
const claims = Compile(
  Type.Object({
    // No control characters: joined ids may be separated by a line break.
    sub: Type.String({ pattern: "^[^\\u0000-\\u001f\\u007f]{1,256}$" }),
    exp: Type.Number(),
    name: Type.Optional(Type.String()),
    rooms: Type.Optional(Type.Array(RoomClaim)),
  }),
);

/** Unknown actions are ignored, so that an issuer can use those of a later version. */
function identityOf(payload: JWTPayload, onFailure: FailureLog): Identity {
  if (!claims.Check(payload)) {
    const claim = [...claims.Errors(payload)][0]?.instancePath.split("/")[1] ?? "payload";
    onFailure(`a token is refused: its "${claim}" has the wrong form`, new Error("see the guide to authentication"));
    throw new TokenError('The token\'s claims "sub", "name" or "rooms" have the wrong form.');
  }
  reportGrantMistakes(payload.rooms ?? [], onFailure);
  const grants = (payload.rooms ?? []).map(({ can, ...which }) => ({ ...which, can: can.filter(isAction) }));
  return {
    userId: payload.sub,
    name: nameOf(payload.name ?? payload.sub, onFailure),
    expiresAt: (payload.exp + LEEWAY_S) * 1000,
    permissions: new Permissions(grants),
  };
}

function isAction(value: string): value is Action {
  return (ACTIONS as readonly string[]).includes(value);
}

function nameOf(claim: string, onFailure: FailureLog): string {
  try {
    return requireUser(claim);
  } catch (error) {
    onFailure('a token is refused: its "name", or "sub" without one, is not a valid nickname', error as Error);
    throw new TokenError('The token\'s "name" (or "sub", without one) is not a valid nickname.');
  }
}
