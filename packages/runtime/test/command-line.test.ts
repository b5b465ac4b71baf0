import t from "tap";
import { HELP_OPTION, namedOption, numberOption, readArguments } from "../src/command-line.ts";

const wrong = (message: string) => ({ name: "UsageError", exitCode: 2, message: `${message} See --help.` });

t.test("options are read, and a wrong argument is an error of one sentence", async (t) => {
  const read = (...args: string[]) =>
    readArguments({ args, options: { help: HELP_OPTION, seed: { type: "string" } } }).values;
  t.same(read("--seed", "7"), { seed: "7" });
  t.same(read("-h"), { help: true });
  t.throws(() => read("--what"), wrong("Unknown option '--what'."));
  t.throws(() => read("x"), wrong("Unexpected argument 'x'."));
  t.throws(() => read("--seed"), wrong("Option '--seed <value>' argument missing."));
});

t.test("a number must be within its range", async (t) => {
  const of = (text: string | undefined, whole = false) =>
    numberOption("share", text, { byDefault: 7, min: 0.5, max: 10, whole });
  t.equal(of(undefined), 7);
  t.equal(of("0.5"), 0.5);
  t.equal(of("10", true), 10);
  for (const text of ["", " ", "x", "0.4", "11", "NaN", "Infinity"]) {
    t.throws(() => of(text), wrong("--share takes a number from 0.5 to 10."), JSON.stringify(text));
  }
  t.throws(() => of("1.5", true), wrong("--share takes a whole number from 0.5 to 10."));
});

t.test("names must be known", async (t) => {
  const all = [{ name: "a" }, { name: "b" }];
  t.same(namedOption("letter", undefined, all), all);
  t.same(namedOption("letter", undefined, all, []), []);
  t.same(namedOption("letter", "b, a", all), [{ name: "b" }, { name: "a" }]);
  t.throws(() => namedOption("letter", "a,c", all), wrong('Unknown letter "c". Choose from a, b.'));
});
