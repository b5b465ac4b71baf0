/** A typical chat on Socket.IO: the Redis adapter between processes, and one insert into MongoDB per message. */
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { MongoClient } from "mongodb";
import { createClient } from "redis";
import { Server } from "socket.io";

const { PORT, REDIS_URL, MONGODB_URL } = process.env as Record<string, string>;

const mongo = await MongoClient.connect(MONGODB_URL!);
const messages = mongo.db().collection("messages");
const publisher = createClient({ url: REDIS_URL! });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer((_request, response) => response.end("ready"));
const io = new Server(http, { transports: ["websocket"], adapter: createAdapter(publisher, subscriber) });

io.on("connection", (socket) => {
  let room = "";
  socket.on("join", async (name: string, done?: () => void) => {
    room = name;
    await socket.join(name);
    done?.();
  });
  socket.on("message", async ({ message, user }: { message: string; user: string }) => {
    await messages.insertOne({ room, user, message, at: new Date() });
    io.to(room).emit("message", { message, user });
  });
});

http.listen(Number(PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
