import { join } from "node:path";
import { startMongod, startProcess } from "@madang/local-stack";
import { countMessages } from "./count-messages.ts";
import { type Peer, Processes, type System } from "./peer.ts";
import { startRedis } from "./redis.ts";

async function start(): Promise<System> {
  const processes = new Processes();
  const redis = await processes.add(startRedis());
  const mongod = await processes.add(startMongod());
  const server = await processes.add(
    startProcess({
      name: "socketio",
      entry: join(import.meta.dirname, "socketio-server.ts"),
      env: { REDIS_URL: redis.url, MONGODB_URL: mongod.url, NODE_ENV: "production" },
      readyPath: "/",
    }),
  );
  return {
    addresses: [`127.0.0.1:${server.port}`],
    processes: processes.started,
    stored: () => countMessages(mongod.url),
    stop: () => processes.stop(),
  };
}

export const socketio: Peer = { name: "socketio", title: "Socket.IO + Redis + MongoDB", wire: "socketio", start };
