import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import t from "tap";
import { type Authenticator, createAuthenticator, may, readAuthSettings } from "../src/index.ts";

const SECRET = "한글 secret, thirty-two bytes long";
const key = new TextEncoder().encode(SECRET);
const now = () => Math.floor(Date.now() / 1000);

const jwt = (env: NodeJS.ProcessEnv = {}): Authenticator =>
  createAuthenticator(readAuthSettings("0.0.0.0", { AUTH: "jwt", JWT_SECRET: SECRET, ...env }));

async function sign(claims: JWTPayload, secret: Uint8Array = key, alg = "HS256"): Promise<string> {
  return new SignJWT({ sub: "u1", exp: now() + 60, ...claims }).setProtectedHeader({ alg }).sign(secret);
}

t.test("a valid token gives an identity and its rights", async (t) => {
  const exp = now() + 60;
  const token = await sign({ exp, name: "민수", rooms: [{ name: "수다방", can: ["read", "write", "fly"] }] });
  const identity = await jwt().verify(token);
  t.match(identity, { userId: "u1", name: "민수" });
  t.ok(identity.expiresAt >= exp * 1000 && identity.expiresAt <= (exp + 10) * 1000);
  t.ok(may(identity, "수다방", "write"));
  t.notOk(may(identity, "수다방", "moderate"));
  t.notOk(may(identity, "other", "read"));
  t.equal((await jwt().verify(await sign({}))).name, "u1", "without a name, the subject is shown");
});

t.test("invalid tokens are refused", async (t) => {
  const auth = jwt({ JWT_ISSUER: "id.example", JWT_AUDIENCE: "madang" });
  const good = { iss: "id.example", aud: ["other", "madang"] };
  t.ok(await auth.verify(await sign(good)));
  const bad: Record<string, string | Promise<string>> = {
    "not a token": "x.y.z",
    empty: "",
    "another secret": sign(good, new TextEncoder().encode("x".repeat(32))),
    "another algorithm": sign(good, new TextEncoder().encode(SECRET.repeat(2)), "HS512"),
    "the same secret, another algorithm": sign(good, key, "HS384"),
    "not signed": new UnsecuredJWT({ ...good, sub: "u1", exp: now() + 60 }).encode(),
    issuer: sign({ ...good, iss: "evil.example" }),
    "no issuer": sign({ aud: "madang" }),
    audience: sign({ ...good, aud: "other" }),
    "no expiry": new SignJWT({ ...good, sub: "u1" }).setProtectedHeader({ alg: "HS256" }).sign(key),
    "no subject": new SignJWT({ ...good, exp: now() + 60 }).setProtectedHeader({ alg: "HS256" }).sign(key),
    "a line break in the subject": sign({ ...good, sub: "a\nb", name: "a" }),
    "a control character in the subject": sign({ ...good, sub: "a\u0000b", name: "a" }),
    "empty subject": sign({ ...good, sub: "", name: "a" }),
    "a subject of too many characters": sign({ ...good, sub: "x".repeat(257), name: "a" }),
    "a name that cannot be shown": sign({ ...good, name: "a\nb" }),
    "rooms of another shape": sign({ ...good, rooms: [{ name: "a", can: "read" }] }),
    "too long": sign({ ...good, filler: "x".repeat(9000) }),
  };
  for (const [what, token] of Object.entries(bad)) {
    await t.rejects(auth.verify(await token), { name: "TokenError", code: "unauthorized", expired: false }, what);
  }
  const [head, payload, signature] = (await sign(good)).split(".");
  const forged = Buffer.from(JSON.stringify({ ...good, sub: "admin", exp: now() + 60 })).toString("base64url");
  await t.rejects(auth.verify([head, forged, signature].join(".")), { name: "TokenError" }, "forged claims");
  t.not(forged, payload);
});

t.test("an expired token is told from an invalid one, with a little leeway", async (t) => {
  await t.rejects(jwt().verify(await sign({ exp: now() - 60 })), { name: "TokenError", expired: true });
  t.ok(await jwt().verify(await sign({ exp: now() - 2 })));
  t.ok(await jwt().verify(await sign({ nbf: now() + 2 })));
});

t.test("a token that is not valid yet is a temporary failure, with the time to wait", async (t) => {
  const failure = await jwt()
    .verify(await sign({ nbf: now() + 60 }))
    .catch((error: unknown) => error);
  t.match(failure, { name: "ProtocolError", code: "token_not_valid_yet" });
  const { retryAfter } = failure as { retryAfter: number };
  t.ok(retryAfter > 50 && retryAfter <= 60, `${retryAfter} s`);
  await t.rejects(jwt().verify(await sign({ nbf: "soon" as never })), { name: "TokenError" }, "no time at all");
});

t.test("public keys come by URL, are kept, and a new key is found", async (t) => {
  const pairs = {
    RS256: await generateKeyPair("RS256"),
    ES256: await generateKeyPair("ES256"),
    EdDSA: await generateKeyPair("EdDSA"),
  };
  type Algorithm = keyof typeof pairs;
  const served: object[] = [];
  const publish = async (alg: Algorithm, kid: string) =>
    served.push({ ...(await exportJWK(pairs[alg].publicKey)), kid, alg });
  const signed = (alg: Algorithm, kid: string) =>
    new SignJWT({ sub: "u1", exp: now() + 60 }).setProtectedHeader({ alg, kid }).sign(pairs[alg].privateKey);
  let fetches = 0;
  const server = createServer((_request, response) => {
    fetches++;
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: served }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  const settings = { AUTH: "jwt", JWT_SECRET: "", JWKS_URL: url, EDGE_SECRET: SECRET };
  const open = () => createAuthenticator(readAuthSettings("0.0.0.0", settings));

  await publish("RS256", "r");
  await publish("ES256", "e");
  await publish("EdDSA", "d");
  const auth = open();
  t.equal((await auth.verify(await signed("RS256", "r"))).userId, "u1");
  t.equal((await auth.verify(await signed("ES256", "e"))).userId, "u1");
  t.equal((await auth.verify(await signed("EdDSA", "d"))).userId, "u1");
  t.equal(fetches, 1, "the keys are kept");

  await publish("ES256", "next");
  const crowd = await Promise.all(Array.from({ length: 100 }, () => signed("ES256", "next")));
  await Promise.all(crowd.map((token) => auth.verify(token)));
  t.equal(fetches, 2, "a key that is new has them asked for once, however many wait for it");
  for (let i = 0; i < 20; i++) {
    await t.rejects(auth.verify(await signed("RS256", `made up ${i}`)), { name: "TokenError" });
  }
  t.ok(fetches > 2 && fetches <= 6, `keys that there are not do not make it ask again and again: ${fetches}`);
  t.equal((await auth.verify(await signed("RS256", "r"))).userId, "u1", "nor do they harm those that there are");
  const publicKeyAsSecret = new TextEncoder().encode(JSON.stringify(served[0]));
  await t.rejects(auth.verify(await sign({}, publicKeyAsSecret)), { name: "TokenError" }, "no HS256 with public keys");

  const later = open();
  served.length = 0;
  await publish("ES256", "new");
  t.equal((await later.verify(await signed("ES256", "new"))).userId, "u1");
  await t.rejects(later.verify(await signed("ES256", "e")), { name: "TokenError" }, "a key that was withdrawn");

  server.close();
  server.closeAllConnections();
  await t.rejects(
    open().verify(await signed("ES256", "new")),
    { code: "internal" },
    "no keys: that is not the token's fault",
  );
});

t.test("AUTH=none looks at no token", async (t) => {
  const auth = createAuthenticator({ mode: "none" });
  t.equal(await auth.verify("rubbish"), auth.anonymous);
});

t.test("mistakes in tokens are reported, without the token", async (t) => {
  const failures: string[] = [];
  const settings = readAuthSettings("0.0.0.0", { AUTH: "jwt", JWT_SECRET: SECRET, JWT_AUDIENCE: "madang" });
  const auth = createAuthenticator(settings, (what, { message }) => failures.push(`${what} (${message})`));
  const reported = async (token: string) => {
    failures.length = 0;
    await auth.verify(token).catch(() => {});
    return failures.join("; ");
  };
  const good = { aud: "madang", sub: "u1", exp: now() + 60 };
  const noExpiry = new SignJWT({ sub: "u1", aud: "madang" }).setProtectedHeader({ alg: "HS256" }).sign(key);
  const header = { alg: "HS256", crit: ["hunter2"], hunter2: true };
  const unknownHeader = `${Buffer.from(JSON.stringify(header)).toString("base64url")}.e30.AAAA`;
  for (const [token, line] of [
    [await sign(good), /^$/],
    [await sign({ ...good, exp: now() - 60 }), /^$/],
    [await noExpiry, /token is refused: missing required "exp" claim/],
    [await sign({ ...good, aud: "other" }), /token is refused: unexpected "aud" claim/],
    [await sign(good, new TextEncoder().encode("x".repeat(32))), /token is refused: its signature does not match/],
    [await sign(good, new TextEncoder().encode(SECRET.repeat(2)), "HS512"), /token is refused: its algorithm/],
    [await sign({ ...good, name: "a\nb" }), /token is refused: its "name", or "sub"/],
    ["hunter2", /^a token is refused: it is not a valid JWT/],
    [unknownHeader, /^a token is refused: it is not a valid JWT(?!.*hunter2)/],
    [await sign({ ...good, rooms: [{ name: "a", can: "read" }] }), /token is refused: its "rooms" has the wrong form/],
    [
      await sign({ ...good, rooms: [{ name: "a", can: ["wirte"] }] }),
      /unknown right \("wirte" is none of read, write,/,
    ],
    [await sign({ ...good, rooms: [{ name: "*", can: ["read"] }] }), /name with "\*" \(only "pattern"/],
    [await sign({ ...good, rooms: [{ can: ["read"] }] }), /without a room \(a grant needs "name" or "pattern"/],
  ] as const) {
    const said = await reported(token);
    t.match(said, line);
    t.notMatch(said, token.slice(0, 20));
  }
});
