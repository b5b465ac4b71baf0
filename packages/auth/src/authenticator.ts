import { ProtocolError, requireUser, TOKEN_MAX_LENGTH } from "@madang/protocol";
import { Bucket, type FailureLog, type Rate } from "@madang/runtime";
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { ANYONE, type Identity } from "./identity.ts";
import { ACTIONS, type Action, Permissions } from "./permissions.ts";
import type { AuthSettings, JwtSettings } from "./settings.ts";

/** For clocks that do not quite agree; a token is good for this much longer than it says. */
const LEEWAY_S = 5;
/** Fixed: a token does not choose how it is checked. */
const SECRET_ALGORITHMS = ["HS256"];
const PUBLIC_ALGORITHMS = ["RS256", "ES256", "EdDSA"];
/** An unknown key has the set fetched anew: some at once, as when keys are replaced, but not for whoever makes keys up. */
const JWKS_FETCHES: Rate = { count: 5, windowMs: 60_000 };
const JWKS_MAX_AGE_MS = 10 * 60_000;
const JWKS_TIMEOUT_MS = 5000;

/** A token that proves nothing (any more). */
export class TokenError extends ProtocolError {
  readonly expired: boolean;

  constructor(message: string, expired = false) {
    super("unauthorized", { message });
    this.name = "TokenError";
    this.expired = expired;
  }
}

/** Says who somebody is, by the settings alone: a token does not choose how it is checked. */
export interface Authenticator {
  /** Who somebody without a token is; `undefined` where a token is needed. */
  readonly anonymous: Identity | undefined;
  /**
   * Who the bearer of the token is. Where no token is needed, none is looked at.
   * @throws TokenError when it proves nothing; ProtocolError `internal` (temporary) when the public keys cannot be had
   */
  verify(token: string): Promise<Identity>;
}

/**
 * Public keys are fetched when the first token is to be checked, and kept for ten minutes.
 * @param onFailure is told when they cannot be had, since then nobody new comes in
 */
export function createAuthenticator(settings: AuthSettings, onFailure: FailureLog = () => {}): Authenticator {
  if (settings.mode === "none") return { anonymous: ANYONE, verify: async () => ANYONE };
  const check = checker(settings);
  return {
    anonymous: undefined,
    verify: async (token) => {
      if (token.length > TOKEN_MAX_LENGTH) throw new TokenError("The token is too long.");
      return identityOf(await check(token).catch((error) => refuse(error, onFailure)));
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
    // The library would wait after each fetch, and not know a key that was published meanwhile.
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: JWKS_MAX_AGE_MS,
    timeoutDuration: JWKS_TIMEOUT_MS,
  });
  const fetches = new Bucket(JWKS_FETCHES);
  return async (token) => {
    const verify = async () => (await jwtVerify(token, keys, options)).payload;
    return await verify().catch(async (error) => {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // One fetch is for all who wait for it.
      if (keys.reloading || fetches.take(performance.now()) === 0) await keys.reload();
      return await verify();
    });
  };
}

/** Failures that say something about the token, as against those of fetching the keys. */
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
  if (ABOUT_THE_TOKEN.some((kind) => error instanceof kind)) throw new TokenError("The token is not valid.");
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
    // No control characters: where an id is put together with others, a line break may be what separates them.
    sub: Type.String({ pattern: "^[^\\u0000-\\u001f\\u007f]{1,256}$" }),
    exp: Type.Number(),
    name: Type.Optional(Type.String()),
    rooms: Type.Optional(Type.Array(RoomClaim)),
  }),
);

/** Actions that this version does not know give nothing. */
function identityOf(payload: JWTPayload): Identity {
  if (!claims.Check(payload))
    throw new TokenError('The token\'s claims "sub", "name" or "rooms" are not as they must be.');
  const grants = (payload.rooms ?? []).map(({ can, ...which }) => ({ ...which, can: can.filter(isAction) }));
  return {
    userId: payload.sub,
    name: nameOf(payload.name ?? payload.sub),
    expiresAt: (payload.exp + LEEWAY_S) * 1000,
    permissions: new Permissions(grants),
  };
}

function isAction(value: string): value is Action {
  return (ACTIONS as readonly string[]).includes(value);
}

function nameOf(claim: string): string {
  try {
    return requireUser(claim);
  } catch {
    throw new TokenError('The token\'s "name" (or "sub", without one) cannot be a name here.');
  }
}
