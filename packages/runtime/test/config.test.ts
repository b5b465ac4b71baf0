import t from "tap";
import { Type } from "typebox";
import { certificatePath, readConfig, readLogSettings, readNatsUrls, readUrls } from "../src/index.ts";

const Schema = Type.Object({
  COUNT: Type.Integer({ default: 3, minimum: 1 }),
  KIND: Type.Union([Type.Literal("a"), Type.Literal("b")], { default: "a" }),
  NAME: Type.String({ default: "x" }),
});
/** A self-signed certificate for tests. */
const PEM = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUefmvzll2SEsScVyCfQtFiB1enfswCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjYxMjMwNDVaGA8yMTI2MTEwMjEyMzA0
NVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBFt
s8FAqgue3pg/ZNBnZ9JUtPOFObyfuy5gJOnoT4JNSS44AT23zqqKDybAX0qpXFv9
hlNxEHh4XCMY+ijlZJGjUzBRMB0GA1UdDgQWBBSmE52NnupJA2OjMuqwPQ7+LIIe
ujAfBgNVHSMEGDAWgBSmE52NnupJA2OjMuqwPQ7+LIIeujAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIGUw4GspYgPB+fC+VgddJwxsLdyEvEQzlPam
zx3GNn2EAiEAiX2JyIh9bEGQVjoPbxkE5iEEK16kzsO14UKjl8S/sS4=
-----END CERTIFICATE-----
`;
const refused = (message: string) => ({ name: "ConfigError", message });

t.test("a variable that is not set, or empty, has its default", async (t) => {
  const defaults = { COUNT: 3, KIND: "a", NAME: "x" };
  t.same(readConfig(Schema, {}), defaults);
  t.same(readConfig(Schema, { COUNT: "", KIND: "", NAME: "", OTHER: "1" }), defaults);
  t.same(readConfig(Schema, { COUNT: "7", KIND: "b", NAME: "y" }), { COUNT: 7, KIND: "b", NAME: "y" });
});

t.test("an error names the variable and its allowed values, and shows no value that may be a secret", async (t) => {
  const range = "The environment variable COUNT must be a whole number from 1 to 9007199254740991, and is";
  for (const value of ["many", "0", "1.5", "1e300", "9007199254740993"]) {
    t.throws(() => readConfig(Schema, { COUNT: value }), refused(`${range} "${value}".`));
  }
  t.throws(() => readConfig(Schema, { COUNT: "9".repeat(99) }), refused(`${range} "${"9".repeat(40)}…".`));
  const choice = 'The environment variable KIND must be one of a, b, and is "c\\n".';
  t.throws(() => readConfig(Schema, { KIND: "c\n" }), refused(choice));
  const required = Type.Object({ NAME: Type.String() });
  t.throws(() => readConfig(required, {}), refused("The environment variable NAME is missing."));
  const url = Type.Object({ DB: Type.String({ pattern: "^db:", examples: ["db://a"] }) });
  t.throws(() => readConfig(url, { DB: "hush" }), refused("The environment variable DB must be like db://a."));
  const flag = Type.Object({ FLAG: Type.Boolean() });
  const truth = 'The environment variable FLAG must be true or false, and is "yes".';
  t.throws(() => readConfig(flag, { FLAG: "yes" }), refused(truth));
});

t.test("the log's size has no limit, or one of at least 1 MiB", async (t) => {
  const limit = (LOG_MAX_BYTES: number) => readLogSettings({ LOG_REPLICAS: 1, LOG_MAX_BYTES }).maxBytes;
  for (const bytes of [-1, 1024 * 1024, 2 ** 50]) t.equal(limit(bytes), bytes);
  for (const bytes of [0, 1, 1024 * 1024 - 1]) {
    const line = `The environment variable LOG_MAX_BYTES must be -1 (no limit) or a whole number from 1048576 to 9007199254740991, and is "${bytes}".`;
    t.throws(() => limit(bytes), refused(line));
  }
});

t.test("URLs are separated by commas, and a URL without a scheme gets the first", async (t) => {
  const nats = (text: string) => readUrls("NATS_URL", text, ["nats", "tls"]);
  t.same(nats("nats://u:p@a:1, tls://b,c:3"), ["nats://u:p@a:1", "tls://b", "nats://c:3"]);
  for (const text of ["", " ", "nats://", "nats://:1", "nats://a:99999", "http://hush", "a,", "a b"]) {
    const message = "The environment variable NATS_URL must be nats:// or tls:// URLs, separated by commas.";
    t.throws(() => nats(text), refused(message), `"${text}"`);
  }
});

t.test("NATS URLs with parts that the client would ignore or fail on are refused", async (t) => {
  const read = (text: string) => readNatsUrls("NATS_URL", text);
  for (const text of ["nats://u:p%40@a:1/,nats://u:p%40@b", "nats://u:p@a,b", "tls://a,b", "nats://[::1]:1"])
    read(text);
  for (const text of ["a:0", "a/hush", "a?hush", "a#hush", "u:%@a", "u:%zz@a", "a,u:hush@b", "a,tls://hush"]) {
    t.throws(
      () => read(text),
      { name: "ConfigError", message: /^The environment variable NATS_URL must (?!.*hush)/ },
      text,
    );
  }
});

t.test("a file of certificates must be readable and valid", async (t) => {
  const broken = PEM.replace(/.{64}/, "x");
  const [one, two] = [`# ours\n${PEM}${PEM}`, `${PEM}${broken}`];
  const dir = t.testdir({ text: "CA", empty: "", broken, "ca.pem": one, second: two });
  t.equal(certificatePath("CA", ""), undefined);
  t.equal(certificatePath("CA", `${dir}/ca.pem`), `${dir}/ca.pem`);
  for (const name of ["text", "empty", "broken", "second"]) {
    const file = `${dir}/${name}`;
    const line = `The environment variable CA names a file that has no valid PEM certificate: ${file}.`;
    t.throws(() => certificatePath("CA", file), refused(line));
  }
  for (const [file, code] of [
    ["/none", "ENOENT"],
    [import.meta.dirname, "EISDIR"],
  ] as const) {
    const line = `The environment variable CA names a file that cannot be read: ${file} (${code}).`;
    t.throws(() => certificatePath("CA", file), refused(line));
  }
});
