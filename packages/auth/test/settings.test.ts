import { ConfigError } from "@madang/runtime";
import t from "tap";
import { readAuthSettings } from "../src/index.ts";

const SECRET = "s".repeat(32);

t.test("AUTH=none beyond loopback needs ALLOW_ANONYMOUS", async (t) => {
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    t.same(readAuthSettings(host, {}), { mode: "none" });
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "example.org"]) {
    t.throws(() => readAuthSettings(host, {}), { name: "ConfigError", message: /ALLOW_ANONYMOUS=true/ }, host);
    t.same(readAuthSettings(host, { ALLOW_ANONYMOUS: "true" }), { mode: "none" });
  }
});

t.test("settings for tokens without AUTH=jwt are refused", async (t) => {
  for (const variable of ["JWT_SECRET", "JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE"]) {
    const env = { [variable]: "https://hush.example/" };
    t.throws(() => readAuthSettings("127.0.0.1", env), { name: "ConfigError", message: variable });
    t.throws(() => readAuthSettings("127.0.0.1", { ...env, AUTH: "none" }), { message: /AUTH=jwt(?!.*hush)/ });
    t.same(readAuthSettings("127.0.0.1", { [variable]: "" }), { mode: "none" });
  }
});

t.test("what cannot be used is refused by the variable's name, without its value", async (t) => {
  const cases: [env: NodeJS.ProcessEnv, named: RegExp][] = [
    [{ AUTH: "basic" }, /AUTH/],
    [{ AUTH: "jwt" }, /JWT_SECRET.*JWKS_URL/],
    [{ AUTH: "jwt", JWT_SECRET: "hush".repeat(7) }, /JWT_SECRET/],
    [{ AUTH: "jwt", JWT_SECRET: SECRET, JWKS_URL: "https://id.example/keys" }, /not both/],
    [{ AUTH: "jwt", JWKS_URL: "http://id.example/keys", EDGE_SECRET: SECRET }, /JWKS_URL/],
    [{ AUTH: "jwt", JWKS_URL: "https://id.example/keys" }, /EDGE_SECRET/],
    [{ AUTH: "jwt", JWKS_URL: "https://id.example/keys", EDGE_SECRET: "hush" }, /EDGE_SECRET/],
  ];
  for (const [env, named] of cases) {
    t.throws(() => readAuthSettings("0.0.0.0", env), named);
    t.throws(() => readAuthSettings("0.0.0.0", env), ConfigError);
    t.throws(() => readAuthSettings("0.0.0.0", env), { message: /^(?!.*hush)/ });
  }
});

t.test("a secret gives the edges their own token, the same on every instance and not the secret", async (t) => {
  const env = { AUTH: "jwt", JWT_SECRET: SECRET };
  const [a, b] = [readAuthSettings("0.0.0.0", env), readAuthSettings("127.0.0.1", env)];
  t.same(a, b);
  t.equal(a.mode, "jwt");
  t.notMatch(JSON.stringify(a.mode === "jwt" && a.edgeToken), /sss/);
});
