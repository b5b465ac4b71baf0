export { type BinaryName, findBinary } from "./binaries.ts";
export { Child, type ChildOptions, type Exit, StartError } from "./child.ts";
export { forkIdle } from "./idle-process.ts";
export { type MongodOptions, startMongod } from "./mongod.ts";
export { type NatsOptions, startNats } from "./nats.ts";
export { freePort } from "./ports.ts";
export { type ProcessOptions, startProcess, startService } from "./service.ts";
export { until } from "./wait.ts";
