export { controlFor, logAdminFor, natsConnection } from "./broker.ts";
export { type EventuallyOptions, eventually } from "./eventually.ts";
export { type Answer, HttpClient, type Server, type StoredMessage } from "./http-client.ts";
export { type StandIn, standIn } from "./http-server.ts";
export { figure } from "./metrics.ts";
export { type RawSocket, rawSocket, UPGRADE, webSocketHandshake } from "./raw-socket.ts";
export { replaced } from "./replaced.ts";
export { type Run, run } from "./run.ts";
export type { Scope } from "./scope.ts";
export { freshDatabase, mongodFor, NOWHERE, natsFor } from "./servers.ts";
export { type ServiceOptions, type System, type SystemOptions, startSystem } from "./system.ts";
export { bearer, cookie, JWT_ENV, JWT_SECRET, type TokenClaims, token } from "./tokens.ts";
export {
  connect,
  type Dial,
  type Frame,
  full,
  type Hello,
  type Join,
  plain,
  WireClient,
} from "./wire-client.ts";
