import t from "tap";
import { Type } from "typebox";
import { ConfigError, readablePath, readConfig, readUrls } from "../src/index.ts";

const Schema = Type.Object({
  COUNT: Type.Integer({ default: 3, minimum: 1 }),
  KIND: Type.Union([Type.Literal("a"), Type.Literal("b")], { default: "a" }),
  NAME: Type.String({ default: "x" }),
});
const refused = (message: string) => ({ name: "ConfigError", message });

t.test("what is not set, or empty, has its default", async (t) => {
  const defaults = { COUNT: 3, KIND: "a", NAME: "x" };
  t.same(readConfig(Schema, {}), defaults);
  t.same(readConfig(Schema, { COUNT: "", KIND: "", NAME: "", OTHER: "1" }), defaults);
  t.same(readConfig(Schema, { COUNT: "7", KIND: "b", NAME: "y" }), { COUNT: 7, KIND: "b", NAME: "y" });
});

t.test("what cannot be used is named, with what it may be and without its value", async (t) => {
  t.throws(() => readConfig(Schema, { COUNT: "hush" }), refused("The environment variable COUNT must be integer."));
  t.throws(() => readConfig(Schema, { COUNT: "0" }), refused("The environment variable COUNT must be >= 1."));
  t.throws(() => readConfig(Schema, { KIND: "hush" }), refused("The environment variable KIND must be one of a, b."));
  const required = Type.Object({ NAME: Type.String() });
  t.throws(() => readConfig(required, {}), refused("The environment variable NAME is missing."));
});

t.test("lists of URLs", async (t) => {
  const nats = (text: string) => readUrls("NATS_URL", text, ["nats", "tls"]);
  t.same(nats("nats://u:p@a:1, tls://b,c:3"), ["nats://u:p@a:1", "tls://b", "nats://c:3"]);
  for (const text of ["", " ", "nats://", "nats://:1", "nats://a:99999", "http://hush", "a,", "a b"]) {
    const message = "The environment variable NATS_URL must be nats:// or tls:// URLs, separated by commas.";
    t.throws(() => nats(text), refused(message), `"${text}"`);
  }
});

t.test("files", async (t) => {
  t.equal(readablePath("CA", ""), undefined);
  t.equal(readablePath("CA", import.meta.filename), import.meta.filename);
  t.throws(() => readablePath("CA", "/hush"), ConfigError);
  t.throws(() => readablePath("CA", import.meta.dirname), ConfigError, "a folder");
  t.throws(() => readablePath("CA", "/hush"), { message: /^The environment variable CA names (?!.*hush)/ });
});
