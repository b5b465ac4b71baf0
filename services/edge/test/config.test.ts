import { join } from "node:path";
import { startProcess } from "@madang/local-stack";
import { eventually, natsFor, run } from "@madang/test-kit";
import t from "tap";
import { edgeConfig } from "../src/config.ts";

const ENTRY = join(import.meta.dirname, "../src/main.ts");

t.test("an invalid setting is refused by its name, before the edge connects to anything", async (t) => {
  const cases: [name: string, values: string[]][] = [
    ["PORT", ["x", "-1", "99999", "80.5"]],
    ["NATS_URL", ["http://a", "nats://a b", "nats://a:99999", "nats://a,", "nats://%zz:1@a", "nats://a/b"]],
    ["NATS_CA_FILE", ["/none", "/", import.meta.filename]],
    ["LOG_MAX_BYTES", ["0", "1", "-2", "1e300"]],
    ["RING_MAX_BYTES", ["-1", "1e300"]],
    ["PERSISTENCE_URL", ["ftp://a", "http://a,", "http://", "http://a/b", "http://a/?b", "http://b:c@a"]],
    ["LOG_LEVEL", ["loud", "INFO"]],
    ["LOG_REPLICAS", ["0", "6"]],
    ["TRUST_PROXY", ["true", "abc", "300.1.1.1", "10.0.0.0/33", "10.0.0.0/0", "::/129", "10.0.0.0/8/8", "10.0.0.1,"]],
    ["BLOCKED_WORDS_FILE", ["/none", "/"]],
    ["ALLOWED_ORIGINS", ["a.example", "https://a.example/path"]],
    ["SEND_LIMIT", ["120", "0/60s", "120/0s", "OFF"]],
    ["CONNECTIONS_PER_ADDRESS", ["0", "many", "-1"]],
    ["ROOMS_PER_CONNECTION", ["0", "1.5"]],
    ["REQUEST_LIMIT_MS", ["999", "-1"]],
    ["FRAME_MAX_BYTES", ["off", "65537"]],
  ];
  for (const [name, values] of cases) {
    for (const value of values) {
      t.throws(() => edgeConfig({ [name]: value }), { name: "ConfigError", message: name }, `${name}=${value}`);
    }
    t.doesNotThrow(() => edgeConfig({ [name]: "" }), `${name} is empty`);
  }
});

t.test("valid settings are accepted, and lists of URLs are normalised", async (t) => {
  for (const TRUST_PROXY of ["0", "2", "loopback", "10.0.0.0/8, ::1/128", "192.0.2.1,uniquelocal"]) {
    t.doesNotThrow(() => edgeConfig({ TRUST_PROXY }), TRUST_PROXY);
  }
  const { nats, persistenceUrls } = edgeConfig({ NATS_URL: "tls://a,b:1", PERSISTENCE_URL: "http://a/, b:2" });
  t.same(nats, { url: "tls://a,nats://b:1" });
  t.same(persistenceUrls, ["http://a", "http://b:2"]);
});

t.test("LOGIN_URL is a URL, or a path on this host, and needs AUTH=jwt", async (t) => {
  const jwt = { AUTH: "jwt", JWT_SECRET: "x".repeat(32) };
  for (const LOGIN_URL of ["/login", "/login?from=chat", "https://login.example/start#a", "http://127.0.0.1:9/"]) {
    t.equal(edgeConfig({ ...jwt, LOGIN_URL }).loginUrl, LOGIN_URL);
    t.throws(() => edgeConfig({ LOGIN_URL }), { name: "ConfigError", message: /LOGIN_URL has no effect/ }, LOGIN_URL);
  }
  t.equal(edgeConfig({ ...jwt, LOGIN_URL: "" }).loginUrl, undefined);
  const others = ["login", "//a.example", "/\\a.example", "/a b", "/a\r\nb", "javascript:alert(1)", "https://"];
  for (const LOGIN_URL of [...others, "https://u:p@a.example", "ftp://a.example", "https://a b.example"]) {
    const refused = { name: "ConfigError", message: /^The environment variable LOGIN_URL must be/ };
    t.throws(() => edgeConfig({ ...jwt, LOGIN_URL }), refused, JSON.stringify(LOGIN_URL));
  }
});

t.test("a misspelt setting is named in a warning, also when the settings are refused", async (t) => {
  const { code, stdout, stderr } = await run([ENTRY], { AUTH: "jwt", JWT_SECERT: "hunter2".repeat(6) });
  t.equal(code, 1);
  t.match(JSON.parse(stdout), { level: 40, variable: "JWT_SECERT", nearest: "JWT_SECRET" });
  t.match(stderr, /^AUTH=jwt needs/);
  t.notMatch(stdout + stderr, "hunter2");
});

t.test("HOST=localhost listens at one address, so that no second server evades the limits on sockets", async (t) => {
  const nats = await natsFor(t);
  // As most machines have it in their /etc/hosts.
  const hosts = `import dns from "node:dns";
    const addresses = [{ address: "127.0.0.1", family: 4 }, { address: "::1", family: 6 }];
    const { lookup } = dns;
    dns.lookup = (host, options, done) =>
      host === "localhost" && options.all ? done(null, addresses) : lookup(host, options, done);`;
  const edge = await startProcess({
    name: "edge",
    entry: ENTRY,
    nodeArgs: ["--import", `data:text/javascript,${encodeURIComponent(hosts)}`],
    env: { NATS_URL: nats.url, HOST: "localhost", DRAIN_MS: "0" },
  });
  t.teardown(() => edge.stop());
  await eventually(() => edge.output().includes("listening"));
  t.same(edge.output().match(/listening at [^"]*/g), [`listening at ${edge.url}`]);
});

t.test("an address that the edge cannot listen on is one line that names HOST", async (t) => {
  const env = { ALLOW_ANONYMOUS: "true", PORT: "0", RES_OPTIONS: "timeout:1 attempts:1" };
  for (const HOST of ["nowhere.invalid", "fe80::1%nope"]) {
    const { code, stderr } = await run([ENTRY], { ...env, HOST });
    t.equal(code, 1);
    t.match(stderr, /^[^\n]+ \(HOST and PORT set the address\)\n$/);
    t.match(stderr, HOST);
  }
});
