/** Runs the files of infra/ and docker-compose.yml on this machine, with other names and paths. */
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readAuthSettings } from "@madang/auth";
import { Child, findBinary, freePort, startMongod, startNats, startProcess, until } from "@madang/local-stack";
import t from "tap";

const ROOT = resolve(import.meta.dirname, "..");
const NGINX = ["/usr/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"].find(
  (path) => spawnSync(path, ["-v"]).status === 0,
);
const LIMIT_MS = 30_000;
/** Divides the sizes of the store and of the log, so that filling them takes seconds. */
const SMALLER = 4096;

/** Returns the reason to skip a test where a program is missing. In CI the test fails instead. */
function lacking(program: string, present: boolean): string | false {
  if (!present && process.env["CI"]) t.fail(`${program} is missing, and CI must not skip its test`);
  return present ? false : `${program} is not on this machine`;
}

function shipped(path: string, replacements: Record<string, string>): string {
  let text = readFileSync(join(ROOT, path), "utf8");
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`${path} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

const dir = mkdtempSync(join(tmpdir(), "madang-infra-"));
chmodSync(dir, 0o755);
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

/** The CA, certificates and passwords of the shipped script. */
const SECRETS = join(dir, "secrets");
execFileSync("sh", [join(ROOT, "infra/make-secrets.sh"), SECRETS]);
const envFile = (name: string) =>
  Object.fromEntries(
    readFileSync(join(SECRETS, `${name}.env`), "utf8")
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );

/** Starts three servers with infra/nats/nats.conf. */
async function startCluster(): Promise<Child[]> {
  const names = ["nats-1", "nats-2", "nats-3"];
  const routePorts = await Promise.all(names.map(freePort));
  const routes = Object.fromEntries(names.map((name, i) => [`${name}:6222`, `127.0.0.1:${routePorts[i]}`]));
  const binary = await findBinary("nats-server");
  writeFileSync(join(dir, "roles.conf"), shipped("infra/nats/roles.conf", {}));
  return Promise.all(
    names.map(async (name, i) => {
      const [port, httpPort] = [await freePort(), await freePort()];
      const home = join(dir, name);
      mkdirSync(home);
      const text = shipped("infra/nats/nats.conf", {
        ...routes,
        "port: 4222": `host: 127.0.0.1\nport: ${port}`,
        "http_port: 8222": `http: 127.0.0.1:${httpPort}`,
        "port: 6222": `host: 127.0.0.1\n  port: ${routePorts[i]}`,
        "store_dir: /data": `store_dir: ${JSON.stringify(home)}`,
        "max_file_store: 20GB": `max_file_store: ${(20 * 1024 ** 3) / SMALLER}`,
        "include ./roles.conf": `include ../roles.conf`,
        "/etc/nats/": `${SECRETS}/`,
      });
      writeFileSync(join(home, "nats.conf"), text);
      return Child.start({
        name,
        command: binary,
        args: ["-c", join(home, "nats.conf")],
        env: { ...process.env, ...envFile("nats"), NATS_NAME: name },
        port,
        url: `nats://127.0.0.1:${port}`,
        logFile: join(home, "log"),
        ready: (signal) =>
          until(signal, async () => (await fetch(`http://127.0.0.1:${httpPort}/healthz?js-server-only=true`)).ok),
        readyLimitMs: LIMIT_MS,
        stopLimitMs: 0,
      });
    }),
  );
}

/** Starts nginx with infra/nginx/nginx.conf in front of the edges. */
async function startNginx(edges: readonly Child[], name = "nginx"): Promise<Child> {
  const port = await freePort();
  const home = join(dir, name);
  mkdirSync(home);
  const text = shipped("infra/nginx/nginx.conf", {
    // Addresses need no resolver, and nginx before 1.27.3 does not know the word `resolve`.
    "edge-1:8000 resolve": `127.0.0.1:${edges[0]!.port}`,
    "edge-2:8000 resolve": `127.0.0.1:${edges[1]!.port}`,
    "listen 8080": `listen 127.0.0.1:${port}`,
    "/tmp/": `${home}/`,
    "/dev/stdout": `${home}/access.log`,
  });
  writeFileSync(join(home, "nginx.conf"), text);
  return Child.start({
    name: "nginx",
    command: NGINX!,
    args: ["-c", join(home, "nginx.conf"), "-e", "stderr", "-g", "daemon off;"],
    port,
    url: `http://127.0.0.1:${port}`,
    logFile: join(home, "log"),
    ready: (signal) => until(signal, async () => (await fetch(`http://127.0.0.1:${port}/livez`)).ok),
    readyLimitMs: LIMIT_MS,
    stopLimitMs: 5000,
  });
}

t.test(
  "chat works with the shipped configurations of NATS and nginx",
  { skip: lacking("nginx", !!NGINX) },
  async (t) => {
    const children: Child[] = [];
    t.teardown(async () => {
      for (const child of children.toReversed()) await child.stop();
    });
    const [cluster, mongod] = await Promise.all([startCluster(), startMongod()]);
    children.push(...cluster, mongod);
    const env: NodeJS.ProcessEnv = {
      NATS_CA_FILE: join(SECRETS, "ca.pem"),
      MONGODB_URL: mongod.url,
      LOG_REPLICAS: "3",
      LOG_MAX_BYTES: `${Number(/LOG_MAX_BYTES: (\d+)/.exec(shipped("docker-compose.yml", {}))?.[1] ?? -SMALLER) / SMALLER}`,
      DRAIN_MS: "0",
    };
    const service = async (name: string, more: NodeJS.ProcessEnv = {}) => {
      const entry = join(ROOT, "services", name, "src/main.ts");
      // The URLs of the roles, with the ports of this machine.
      const urls = Object.entries(envFile(name))
        .filter(([variable]) => variable.endsWith("NATS_URL"))
        .map(([variable, value]) => [
          variable,
          cluster.reduce(
            (text, { port }, i) => text.replace(`nats-${i + 1}:4222`, `127.0.0.1:${port}`),
            value as string,
          ),
        ]);
      const child = await startProcess({ name, entry, env: { ...env, ...Object.fromEntries(urls), ...more } });
      children.push(child);
      return child;
    };
    const persistences = [await service("persistence"), await service("persistence")];
    const PERSISTENCE_URL = persistences.map(({ url }) => url).join(",");
    const edges = [await service("edge", { PERSISTENCE_URL }), await service("edge", { PERSISTENCE_URL })];
    const nginx = await startNginx(edges);
    children.push(nginx);

    const heard: string[][] = [];
    const member = async () => {
      const socket = new WebSocket(`${nginx.url.replace("http", "ws")}/ws/chat/lobby/`);
      const messages: string[] = [];
      heard.push(messages);
      socket.addEventListener("message", ({ data }) =>
        messages.push((JSON.parse(data) as { message: string }).message),
      );
      await once(socket, "open");
      t.teardown(() => socket.close());
      return socket;
    };
    const sockets = [await member(), await member(), await member(), await member()];
    // An open socket has not joined yet. A message that reaches all of them proves that they have.
    const reachesEverySocket = (message: string) =>
      until(AbortSignal.timeout(LIMIT_MS), async () => {
        if (heard.every((messages) => messages.includes(message))) return true;
        sockets[0]!.send(JSON.stringify({ message, user: "민수" }));
        return new Promise((resolve) => setTimeout(resolve, 250, false));
      });
    await reachesEverySocket("hello");

    const page = `${nginx.url}/v1/rooms/lobby/messages`;
    for (let i = 0; i < 8; i++) t.equal((await fetch(page)).status, 200, "history comes through nginx and edge");
    const log = readFileSync(join(dir, "nginx/access.log"), "utf8");
    for (const { port } of edges) t.match(log, `127.0.0.1:${port}`, "both edges get requests");

    t.equal((await fetch(page, { method: "POST", body: "x".repeat(300_000) })).status, 413, "bodies are bounded");
    t.equal((await fetch(`${nginx.url}/metrics`)).status, 404, "metrics are not public");

    await mongod.kill("SIGKILL");
    await until(AbortSignal.timeout(LIMIT_MS), async () => (await fetch(page)).status === 503);
    for (let i = 0; i < 8; i++) t.equal((await fetch(page)).status, 503, "without MongoDB there is no history");
    t.equal((await fetch(`${nginx.url}/`)).status, 200, "the edges stay in service");
    await member();
    await reachesEverySocket("without history");

    await cluster.find((server) => server.output().includes("new stream leader for '$G > CHAT'"))!.kill("SIGKILL");
    await reachesEverySocket("with two NATS servers left");
    t.pass("chat continues without one NATS server");
    await edges[1]!.kill("SIGKILL");
    for (let i = 0; i < 4; i++) t.equal((await fetch(`${nginx.url}/`)).status, 200, "a dead edge is skipped");

    const post = async () =>
      (
        await fetch(page, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ message: "🏮".repeat(4000), user: "민수" }),
        })
      ).status;
    const answers = new Set<number>();
    await until(AbortSignal.timeout(LIMIT_MS), async () => {
      for (const status of await Promise.all(Array.from({ length: 8 }, post))) answers.add(status);
      return answers.size > 1;
    });
    t.same(answers, new Set([201, 507]), "a full log answers 507");
  },
);

t.test("nginx sends no request to an edge without a log", { skip: lacking("nginx", !!NGINX) }, async (t) => {
  const entry = join(ROOT, "services/edge/src/main.ts");
  const keep = (child: Child) => {
    t.teardown(() => child.stop());
    return child;
  };
  const nats = keep(await startNats());
  const [waiting, serving] = await Promise.all([
    startProcess({ name: "waiting", entry, env: { NATS_URL: "nats://127.0.0.1:1" }, readyPath: "/livez" }).then(keep),
    startProcess({ name: "serving", entry, env: { NATS_URL: nats.url, DRAIN_MS: "0" } }).then(keep),
  ]);
  t.equal((await fetch(waiting.url)).status, 503);
  const nginx = keep(await startNginx([waiting, serving], "nginx-waiting"));
  for (let i = 0; i < 6; i++) {
    t.equal((await fetch(`${nginx.url}/chat/`)).status, 200);
    const socket = new WebSocket(`${nginx.url.replace("http", "ws")}/ws/chat/lobby/`);
    await once(socket, "open");
    socket.close();
  }
});

const skip = lacking("docker-compose", spawnSync("docker-compose", ["version"]).status === 0);
t.test("docker-compose.yml is valid", { skip }, async (t) => {
  const text = execFileSync("docker-compose", ["config"], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, MADANG_SECRETS: SECRETS },
  });
  for (const name of ["nginx", "edge-1", "edge-2", "persistence-1", "persistence-2", "nats-3", "mongo-3"]) {
    t.match(text, `  ${name}:`);
  }
  t.equal(text.match(/read_only: true/g)?.length, 12, "every server has a read-only root");
  t.equal(text.match(/driver: local/g)?.length, 11, "and a log that cannot fill the disk");
  const mongo = text.slice(text.indexOf("\n  mongo-3:"), text.indexOf("\n  mongo-initiate:"));
  t.match(mongo, /stop_grace_period: (60s|1m0s)/, "MongoDB stops in its own time");
  t.equal(text.match(/--keyFile/g)?.length, 3, "no MongoDB server without users");
  t.equal(text.match(/--tlsMode=requireTLS/g)?.length, 3, "no MongoDB server without TLS");
  t.equal(
    text.match(/MONGODB_URL: mongodb:\/\/persistence:p[0-9a-f]{48}@/g)?.length,
    2,
    "only persistence has this user",
  );
  t.equal(text.match(/MADANG_MONGODB_ADMIN_PASSWORD/g)?.length, 1, "no service knows the administrator");
});

t.test(
  "in Compose the addresses of the services match, and no port of persistence is one of an edge",
  { skip },
  async (t) => {
    const text = execFileSync("docker-compose", ["config"], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, MADANG_SECRETS: SECRETS },
    });
    const [edge, persistence] = ["edge-1", "persistence-1"].map((name) => composed(text, name).environment);
    const urls = [1, 2].map((i) => `http://persistence-${i}:${persistence!["PORT"]}`).join(",");
    t.equal(edge!["PERSISTENCE_URL"], urls);
    t.match(shipped("infra/nginx/nginx.conf", {}), `server edge-2:${edge!["PORT"]} `);
    t.not(edge!["PORT"], persistence!["PORT"], "in case nginx has an old address of another container");
    t.match(persistence, { MONGODB_CA_FILE: "/run/secrets/ca", NATS_CA_FILE: "/run/secrets/ca" });
  },
);

/** The environment and the networks of a service in the output of `docker-compose config`. */
function composed(text: string, service: string): { environment: Record<string, string>; networks: string[] } {
  const lines = text.slice(text.indexOf(`\n  ${service}:\n`) + 1).split("\n");
  const own = lines.slice(
    1,
    lines.findIndex((line, i) => i > 0 && /^ {0,2}\S/.test(line)),
  );
  const under = (name: string) => {
    const from = own.indexOf(`    ${name}:`) + 1;
    const to = own.findIndex((line, i) => i >= from && /^ {4}\w/.test(line));
    return own.slice(from, to === -1 ? undefined : to).map((line) => line.trim());
  };
  return {
    environment: Object.fromEntries(under("environment").map((line) => line.replaceAll(/['"]/g, "").split(/: ?(.*)/s))),
    networks: under("networks").map((line) => line.replace(/^- |:.*$/g, "")),
  };
}

t.test("Compose passes on what AUTH=jwt needs", { skip }, async (t) => {
  const services = ["edge-1", "edge-2", "persistence-1", "persistence-2"];
  const settings = {
    AUTH: "jwt",
    JWKS_URL: "https://keys.example/jwks.json",
    JWT_ISSUER: "https://keys.example",
    JWT_AUDIENCE: "madang",
    EDGE_SECRET: "e".repeat(32),
    LOGIN_URL: "/login",
  };
  const config = (...files: string[]) =>
    execFileSync("docker-compose", [...files.flatMap((file) => ["-f", file]), "config"], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, MADANG_SECRETS: SECRETS, ...settings },
    });
  const alone = config("docker-compose.yml");
  const withKeys = config("docker-compose.yml", "infra/docker/jwks.yml");
  for (const service of services) {
    const { environment, networks } = composed(alone, service);
    t.match(environment, settings, service);
    t.same(networks, ["inside"]);
    const reaching = composed(withKeys, service);
    t.match(reaching.environment, { ...settings, HOST: "0.0.0.0", LOG_REPLICAS: "3" });
    t.same(reaching.networks.toSorted(), ["inside", "outside"], "the keys can be fetched");
    const read = readAuthSettings("0.0.0.0", reaching.environment);
    t.match(read, { mode: "jwt", issuer: settings.JWT_ISSUER, audience: "madang" }, "the services accept it");
  }
  for (const service of ["nats-1", "mongo-1"]) t.same(composed(withKeys, service).networks, ["inside"], service);
});

t.test("each secret is created once, and again if it is missing", async (t) => {
  const made = join(dir, "made");
  const make = () => spawnSync("sh", [join(ROOT, "infra/make-secrets.sh"), made], { encoding: "utf8" });
  const all = () => Object.fromEntries(readdirSync(made).map((name) => [name, readFileSync(join(made, name), "utf8")]));
  const status = (purpose: string, name: string) =>
    spawnSync("openssl", ["verify", "-CAfile", join(made, "ca.pem"), "-purpose", purpose, join(made, name)]).status;
  t.equal(make().status, 0);
  const first = all();
  t.notOk(Object.keys(first).some((name) => /\.(new|csr|ext)$/.test(name)));
  t.equal(make().status, 0);
  t.same(all(), first);
  for (const name of ["server.pem", "mongo.pem"]) {
    rmSync(join(made, name));
    t.equal(make().status, 0);
    t.not(all()[name], first[name], `${name} is another one`);
    t.equal(status("sslserver", name), 0);
  }
  t.match(all(), {
    "ca.pem": first["ca.pem"],
    "nats.env": first["nats.env"],
    "persistence.env": first["persistence.env"],
  });
  t.equal(status("sslclient", "server.pem"), 0, "NATS servers know each other by it");
  t.not(status("sslclient", "mongo.pem"), 0, "a NATS server rejects the certificate of a MongoDB server");
  rmSync(join(made, "ca-key.pem"));
  rmSync(join(made, "mongo.pem"));
  t.match(make(), { status: 1, stderr: /mongo\.pem is missing/ });
});

t.test("the image runs each service with its Node options", async (t) => {
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(shipped("infra/docker/Dockerfile", {}))![1]!;
  const [command, ...args] = JSON.parse(entrypoint) as [string, ...string[]];
  const bin = join(dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "node"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
  const env = { PATH: `${bin}:${process.env["PATH"]}` };
  const run = (service: string) =>
    execFileSync(command, [...args, service], {
      cwd: ROOT,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
  t.equal(run("edge"), "--max-semi-space-size=8 services/edge/src/main.ts\n");
  t.equal(run("persistence"), "services/persistence/src/main.ts\n");
});
