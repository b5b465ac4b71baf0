import { AuthEnvironment } from "@madang/auth";
import {
  ConfigError,
  certificatePath,
  readConfig,
  readLogSettings,
  readNats,
  readNatsUrls,
  SERVICE_SETTINGS,
} from "@madang/runtime";
import { type Static, type TObject, Type } from "typebox";
import { ADMIN_TOKEN_MIN_LENGTH } from "./admin/session.ts";

const PersistenceEnvironment = Type.Object({
  ...SERVICE_SETTINGS,
  PORT: Type.Integer({ default: 8100, minimum: 0, maximum: 65535, description: "Port to listen on." }),
  ADMIN_NATS_URL: Type.String({ default: "", description: "NATS with the role admin; empty: NATS_URL." }),
  ADMIN_TOKEN: Type.String({
    default: "",
    description: "Password of the admin page, 16 characters or more; empty: no admin page.",
  }),
  MONGODB_URL: Type.String({
    default: "mongodb://127.0.0.1:27017/madang",
    pattern: "^mongodb(\\+srv)?://",
    examples: ["mongodb://127.0.0.1:27017/madang?replicaSet=rs0", "mongodb+srv://…"],
    description: "MongoDB replica set; the path is the database.",
  }),
  MONGODB_CA_FILE: Type.String({
    default: "",
    description: "Private CA of MongoDB's certificates; enforces TLS.",
  }),
});

/** All settings of the persistence service. */
export const PERSISTENCE_SETTINGS: readonly TObject[] = [PersistenceEnvironment, AuthEnvironment];

type Nats = ReturnType<typeof readNats>;

export interface Config extends Static<typeof PersistenceEnvironment> {
  readonly nats: Nats;
  readonly log: ReturnType<typeof readLogSettings>;
  /** The connection with the role admin, which may moderate. */
  readonly adminNats: Nats;
  /** Enforces TLS to MongoDB. Absent: MONGODB_URL decides about TLS. */
  readonly mongoCaFile: string | undefined;
}

/** @throws ConfigError */
export function loadConfig(env?: NodeJS.ProcessEnv): Config {
  const config = readConfig(PersistenceEnvironment, env);
  if (config.ADMIN_TOKEN !== "" && config.ADMIN_TOKEN.length < ADMIN_TOKEN_MIN_LENGTH) {
    throw new ConfigError(
      `The environment variable ADMIN_TOKEN must have at least ${ADMIN_TOKEN_MIN_LENGTH} characters.`,
    );
  }
  const nats = readNats(config);
  const adminUrl = config.ADMIN_NATS_URL && readNatsUrls("ADMIN_NATS_URL", config.ADMIN_NATS_URL);
  return {
    ...config,
    nats,
    log: readLogSettings(config),
    adminNats: { ...nats, ...(adminUrl ? { url: adminUrl } : {}) },
    mongoCaFile: certificatePath("MONGODB_CA_FILE", config.MONGODB_CA_FILE),
  };
}
