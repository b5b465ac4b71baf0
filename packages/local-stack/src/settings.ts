import { resolve } from "node:path";
import { ConfigError, describeMisspelt, findMisspeltSettings, readConfig } from "@madang/runtime";
import { Type } from "typebox";

const MAX_PORT = 65_535;

/** The settings of `npm start`. */
export const StackEnvironment = Type.Object({
  PORT: Type.Integer({
    default: 8000,
    minimum: 1,
    maximum: MAX_PORT,
    description: "Port of the first edge; further edges take the next ports.",
  }),
  EDGES: Type.Integer({ default: 1, minimum: 1, maximum: 16, description: "Number of edges." }),
  PERSISTENCE_PORT: Type.Integer({
    default: 8100,
    minimum: 1,
    maximum: MAX_PORT,
    description: "Port of the first persistence service; further ones take the next ports.",
  }),
  PERSISTENCES: Type.Integer({ default: 1, minimum: 1, maximum: 16, description: "Number of persistence services." }),
  DATA_DIR: Type.String({
    default: ".data",
    minLength: 1,
    description: "Directory of messages, logs and stack.json (pids and ports).",
  }),
  CACHE_DIR: Type.String({ default: ".cache", description: "Directory of fetched server binaries and compiled code." }),
  NATS_URL: Type.String({ default: "", description: "Use this NATS instead of starting one." }),
  NATS_SYNC: Type.String({
    default: "1s",
    pattern: "^(always|[1-9][0-9]*(ms|s|m))$",
    examples: ["always", "1s"],
    description: "Period of fsync of the log, or always: before each acknowledgement, as in production.",
  }),
  MONGODB_URL: Type.String({ default: "", description: "Use this MongoDB replica set instead of starting one." }),
  LOG_LEVEL: Type.String({ default: "info", description: "debug shows all output of the processes." }),
});

/** The settings of the local system. */
export interface StackSettings {
  readonly edgePorts: readonly number[];
  readonly persistencePorts: readonly number[];
  readonly dataDir: string;
  /** Empty: the local system starts a nats-server. */
  readonly natsUrl: string;
  /**
   * When nats-server flushes the log to the disk: "always" (before each acknowledgement, as in production) or a period.
   * With a period a power cut loses the messages of the last period. The death of a process never loses any.
   */
  readonly natsSync: string;
  /** Empty: the local system starts a mongod. */
  readonly mongodbUrl: string;
  /** Show all output of the processes, not only warnings and errors. */
  readonly verbose: boolean;
}

/** One warning for each variable that resembles a setting of the local system. */
export function misspeltSettings(env: NodeJS.ProcessEnv): string[] {
  return findMisspeltSettings([StackEnvironment], env).map(describeMisspelt);
}

/** @throws ConfigError naming the variable */
export function readSettings(env: NodeJS.ProcessEnv): StackSettings {
  const config = readConfig(StackEnvironment, env);
  const range = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);
  const edgePorts = range(config.PORT, config.EDGES);
  const persistencePorts = range(config.PERSISTENCE_PORT, config.PERSISTENCES);
  for (const [variable, ports] of Object.entries({ PORT: edgePorts, PERSISTENCE_PORT: persistencePorts })) {
    if (ports.at(-1)! > MAX_PORT)
      throw new ConfigError(
        `${variable} leaves no room for ${ports.length} ports below ${MAX_PORT + 1}: choose a lower port.`,
      );
  }
  const shared = edgePorts.find((port) => persistencePorts.includes(port));
  if (shared) throw new ConfigError(`PORT and PERSISTENCE_PORT both use port ${shared}: change one of them.`);
  return {
    edgePorts,
    persistencePorts,
    dataDir: resolve(config.DATA_DIR),
    natsUrl: config.NATS_URL,
    natsSync: config.NATS_SYNC,
    mongodbUrl: config.MONGODB_URL,
    verbose: ["debug", "trace"].includes(config.LOG_LEVEL),
  };
}

const settingLines = Object.entries(StackEnvironment.properties).map(([name, setting]) => {
  const { default: value, description } = setting as unknown as {
    readonly default: unknown;
    readonly description: string;
  };
  return `  ${(value === "" ? name : `${name}=${value}`).padEnd(22)} ${description}`;
});

export const HELP = `Starts all of Madang on this machine: nats-server, mongod, persistence and edge. Ctrl-C stops it.

  npm start

Environment variables and their defaults:
${settingLines.join("\n")}
The services read further variables, which docs/reference/configuration.md lists.
`;
