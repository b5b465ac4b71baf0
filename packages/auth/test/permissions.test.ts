import fc from "fast-check";
import t from "tap";
import { ANYONE, may, Permissions } from "../src/index.ts";
import { matches } from "../src/permissions.ts";

t.test("a star stands for any characters, and nothing else is special", async (t) => {
  const cases: [pattern: string, room: string, expected: boolean][] = [
    ["team-*", "team-", true],
    ["team-*", "team-red", true],
    ["team-*", "a-team-red", false],
    ["*", "수다방", true],
    ["*-방", "수다-방", true],
    ["a*b*c", "aXbYbZc", true],
    ["a*b*c", "aXbY", false],
    ["a.c", "abc", false],
    ["", "a", false],
    ["a?", "ab", false],
  ];
  for (const [pattern, room, expected] of cases) t.equal(matches(pattern, room), expected, `${pattern} ~ ${room}`);
});

t.test("the matcher agrees with a regular expression", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (pattern, name) => {
      const room = name.replaceAll("*", "c");
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(room);
      return matches(pattern, room) === expected;
    }),
    { numRuns: 2000 },
  );
});

t.test("a pattern made to be slow is not: a matcher that tries all ways would be at it for years", async (t) => {
  t.notOk(matches(`${"a*".repeat(4000)}b`, "a".repeat(100)));
  t.notOk(matches(`${"*a".repeat(50)}b`, "a".repeat(100)));
});

t.test("rooms are granted by their canonical names, however a token spells them", async (t) => {
  const apart = "caf\u0065\u0301";
  const permissions = new Permissions([
    { name: apart, can: ["read"] },
    { pattern: `${apart}-*`, can: ["write"] },
  ]);
  t.ok(permissions.allow("café", "read"));
  t.ok(permissions.allow("café-1", "write"));
});

t.test("actions are independent, grants add up, and what is not granted is denied", async (t) => {
  const permissions = new Permissions([
    { name: "hall", can: ["read"] },
    { name: "hall", can: ["write"] },
    { pattern: "team-*", can: ["moderate"] },
  ]);
  const identity = { ...ANYONE, permissions };
  t.ok(may(identity, "hall", "read") && may(identity, "hall", "write"));
  t.notOk(may(identity, "hall", "moderate"));
  t.ok(may(identity, "team-red", "moderate"));
  t.notOk(may(identity, "team-red", "read"));
  t.notOk(may(identity, "__proto__", "read"));
});

t.test("with AUTH=none every client may read and write, and none may moderate", async (t) => {
  t.ok(may(ANYONE, "any", "read") && may(ANYONE, "any", "write"));
  t.notOk(may(ANYONE, "any", "moderate"));
});
