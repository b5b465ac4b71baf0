import t from "tap";
import { Type } from "typebox";
import { findMisspeltSettings, warnAboutMisspeltSettings } from "../src/index.ts";

const names = (...all: string[]) => Type.Object(Object.fromEntries(all.map((name) => [name, Type.String()])));
const SCHEMAS = [names("HOST", "PORT", "NATS_URL", "LOG_LEVEL"), names("AUTH", "JWT_SECRET", "MONGODB_URL")];
const find = (variable: string) => findMisspeltSettings(SCHEMAS, { [variable]: "x" })[0]?.nearest;

t.test("a misspelt setting is found with the name that it resembles most", async (t) => {
  for (const [variable, nearest] of [
    ["JWT_SECERT", "JWT_SECRET"],
    ["JWT_SECRETS", "JWT_SECRET"],
    ["jwt_secret", "JWT_SECRET"],
    ["NATS_ULR", "NATS_URL"],
    ["NATSURL", "NATS_URL"],
    ["MONGODB_URI", "MONGODB_URL"],
    ["LOGLEVEL", "LOG_LEVEL"],
    ["PROT", "PORT"],
    ["POTR", "PORT"],
    ["PORTS", "PORT"],
    ["HSOT", "HOST"],
    ["AUHT", "AUTH"],
  ] as const) {
    t.equal(find(variable), nearest, variable);
  }
});

t.test("known settings and the variables of other software are not misspelt", async (t) => {
  for (const schema of SCHEMAS)
    for (const variable of Object.keys(schema.properties)) t.equal(find(variable), undefined);
  const others =
    "HOME PATH PWD USER SHELL TERM LANG LC_ALL TZ TMPDIR HOSTNAME HOSTTYPE LOGNAME EDITOR PAGER OLDPWD SHLVL DISPLAY CI " +
    "NODE_ENV NODE_OPTIONS NODE_PATH INIT_CWD npm_config_cache npm_lifecycle_event http_proxy NO_PROXY SSH_AUTH_SOCK " +
    "MONGO_URL OAUTH NATS_PORT NATS_SERVICE_HOST MONGODB_PORT KUBERNETES_PORT JWT_ISS DATABASE_URL REDIS_URL SECRET _";
  for (const variable of others.split(" ")) t.equal(find(variable), undefined, variable);
});

t.test("a warning names the variable and never its value", async (t) => {
  const lines: unknown[][] = [];
  const env = { PROT: "hunter2", PORT: "1", JWT_SECERT: "hunter2" };
  warnAboutMisspeltSettings({ warn: (...line: unknown[]) => lines.push(line) }, SCHEMAS, env);
  t.same(lines, [
    [{ variable: "PROT", nearest: "PORT" }, "unknown setting PROT is ignored: did you mean PORT?"],
    [
      { variable: "JWT_SECERT", nearest: "JWT_SECRET" },
      "unknown setting JWT_SECERT is ignored: did you mean JWT_SECRET?",
    ],
  ]);
});
