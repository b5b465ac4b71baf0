import t from "tap";
import { bearerToken, cookieToken, tokenCookie } from "../src/index.ts";

t.test("the cookie is found by its whole name, wherever it stands", async (t) => {
  const cases: [cookie: string | undefined, token: string | undefined][] = [
    ["madang_token=abc", "abc"],
    ["a=1; madang_token=abc; b=2", "abc"],
    ["a=1;madang_token=abc", "abc"],
    ["other_madang_token=abc", undefined],
    ["a=madang_token=abc", undefined],
    ["madang_token=", undefined],
    ["madang_token2=abc", undefined],
    [undefined, undefined],
  ];
  for (const [cookie, token] of cases) t.equal(cookieToken(cookie === undefined ? {} : { cookie }), token, `${cookie}`);
});

t.test("what is set is what is read, and what is taken away is nothing", async (t) => {
  const options = { maxAgeS: 59.9, secure: true };
  const set = tokenCookie("a.b-c_d", options);
  t.match(set, /; HttpOnly; SameSite=Lax; Max-Age=59; Secure$/);
  t.equal(cookieToken({ cookie: set.split(";")[0]! }), "a.b-c_d");
  t.match(tokenCookie(undefined, { ...options, secure: false }), /^madang_token=; .*Max-Age=0$/);
  t.match(tokenCookie("a", { maxAgeS: -1, secure: false }), /Max-Age=0$/, "one that is over lives no longer");
});

t.test("a header holds one bearer token, or none", async (t) => {
  t.equal(bearerToken({ authorization: "bearer  a.b-c_d" }), "a.b-c_d");
  for (const authorization of ["Basic abc", "Bearer", "Bearer a b", "Bearer a,b", ""]) {
    t.equal(bearerToken({ authorization }), undefined, authorization);
  }
});
