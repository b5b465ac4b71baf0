import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Child, freePort, makeTempDir, removeTempDir } from "@madang/local-stack";
import { answering } from "../answering.ts";
import { MissingError, type Peer, Processes, type StartOptions, type System } from "../peer.ts";
import { startRedis } from "../redis.ts";
import { tutorialFiles } from "./files.ts";

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 3000;
const ROOMS_AT_ONCE = 8;

/** Debian's Python comes first, because Debian's packages are only visible to it. */
const PYTHONS = [process.env["PYTHON"], "/usr/bin/python3", "python3"].filter((name) => name !== undefined);

/** The tutorial's chat: Django Channels behind daphne, Redis between connections, SQLite for the messages. */
async function start({ rooms = [] }: StartOptions = {}): Promise<System> {
  const python = PYTHONS.find(
    (name) => spawnSync(name, ["-c", "import channels, channels_redis, daphne"]).status === 0,
  );
  if (!python) {
    throw new MissingError(
      "The tutorial's packages are not installed: apt-get install python3-django-channels python3-channels-redis python3-daphne",
    );
  }
  const processes = new Processes();
  const redis = await processes.add(startRedis());
  const dir = makeTempDir("tutorial");
  for (const [file, text] of Object.entries(tutorialFiles({ redis: redis.port }))) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  const manage = (...args: string[]) => {
    const { status, stderr } = spawnSync(python, ["manage.py", ...args], { cwd: dir, encoding: "utf8" });
    if (status !== 0) throw new Error(`manage.py ${args.join(" ")} failed: ${stderr.trim().split("\n").at(-1)}`);
  };
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await processes.add(
    (async () => {
      manage("makemigrations", "chat");
      manage("migrate");
      return Child.start({
        name: "daphne",
        command: python,
        args: ["-m", "daphne", "-b", "127.0.0.1", "-p", String(port), "config.asgi:application"],
        cwd: dir,
        env: process.env,
        port,
        url,
        logFile: join(dir, "daphne.log"),
        ready: answering(url),
        readyLimitMs: READY_LIMIT_MS,
        stopLimitMs: STOP_LIMIT_MS,
        cleanUp: () => removeTempDir(dir),
      });
    })(),
  );
  // The first visit of its page creates a room. Sending into a room without a page visit is an error.
  const left = [...rooms];
  const visit = async () => {
    for (let room = left.pop(); room; room = left.pop()) await (await fetch(`${url}/chat/${room}/bench`)).text();
  };
  await Promise.all(Array.from({ length: ROOMS_AT_ONCE }, visit));
  return { addresses: [`127.0.0.1:${port}`], processes: processes.started, stop: () => processes.stop() };
}

export const tutorial: Peer = {
  name: "tutorial",
  title: "The tutorial (Channels, Redis, SQLite)",
  wire: "plain",
  start,
};
