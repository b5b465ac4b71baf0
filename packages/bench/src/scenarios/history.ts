import { Agent, get } from "node:http";
import { until } from "@madang/local-stack";
import { MongoClient } from "mongodb";
import { fillLog } from "../fill-log.ts";
import { Histogram } from "../load/histogram.ts";
import type { Metrics } from "../metrics.ts";
import type { Peer } from "../peers/peer.ts";
import type { Scenario } from "./scenario.ts";

const SMALL = 1000;
const LARGE = 1_000_000;
const QUICK_LARGE = 100_000;
const READS = 400;
const WARM_UP_READS = 100;
const AT_ONCE = 16;
const INSERT_BATCH = 2000;
const SEQ_DIGITS = 16;
/** Sorts before every current epoch, so that the added messages belong to an earlier log. */
const EARLIER_EPOCH = "000000001";

/** Reads the latest 50 messages of rooms of these sizes through the edge, as a browser does. */
export async function readRooms(peer: Peer, sizes: readonly number[]): Promise<{ p50Ms: number; pagesPerS: number }[]> {
  const system = await peer.start();
  const agent = new Agent({ keepAlive: true });
  try {
    const child = (name: string) => system.processes.find((process) => process.name === name)!;
    const rooms = sizes.map((size) => `history${size}`);
    await fillLog(child("nats-server").url, rooms, 1);
    await until(AbortSignal.timeout(20_000), async () => (await system.stored!()) >= rooms.length);
    const client = await MongoClient.connect(child("mongod").url);
    for (const [i, size] of sizes.entries()) await multiply(client, rooms[i]!, size);
    await client.close();
    const urls = rooms.map((room) => `http://${system.addresses[0]}/v1/rooms/${room}/messages`);
    const times = urls.map(() => new Histogram());
    // In turn, so that a disturbance affects all rooms alike.
    for (let i = 0; i < WARM_UP_READS + READS; i++) {
      for (const [j, url] of urls.entries()) {
        const beganMs = performance.now();
        await read(agent, url);
        if (i >= WARM_UP_READS) times[j]!.record((performance.now() - beganMs) * 1000);
      }
    }
    const figures = [];
    for (const [j, url] of urls.entries()) {
      const beganMs = performance.now();
      const reader = async () => {
        for (let i = 0; i < READS / AT_ONCE; i++) await read(agent, url);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, reader));
      figures.push({ p50Ms: times[j]!.quantileMs(0.5), pagesPerS: (READS * 1000) / (performance.now() - beganMs) });
    }
    return figures;
  } finally {
    agent.destroy();
    await system.stop();
  }
}

/** Copies the only message of a room to earlier positions, until the room has `size` messages. */
async function multiply(client: MongoClient, room: string, size: number): Promise<void> {
  const messages = client.db().collection<{ _id: string; room: string }>("messages");
  const [first] = await messages.find({ room }).toArray();
  const { _id, ...content } = first!;
  const { who: _who, nonce: _nonce, ...copied } = content as typeof content & { who?: string; nonce?: string };
  // <room> U+001F <epoch> U+001F <seq, padded>
  const separator = "\u001f";
  const [name] = _id.split(separator);
  for (let done = 1; done < size; done += INSERT_BATCH) {
    const batch = Array.from({ length: Math.min(INSERT_BATCH, size - done) }, (_, i) => ({
      ...copied,
      _id: [name, EARLIER_EPOCH, String(done + i).padStart(SEQ_DIGITS, "0")].join(separator),
    }));
    await messages.insertMany(batch, { ordered: false });
  }
}

/** Reads one whole page. */
function read(agent: Agent, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    }).on("error", reject);
  });
}

export const history: Scenario = {
  name: "history",
  title: "Latest 50 messages of a room with 1,000 and one with 1,000,000 (100,000 with --quick)",
  main: "pageRatio",
  only: ["madang"],
  async run(peer, { quick }) {
    const [small, large] = await readRooms(peer, [SMALL, quick ? QUICK_LARGE : LARGE]);
    const metrics: Metrics = {
      smallPageMs: small!.p50Ms,
      largePageMs: large!.p50Ms,
      pageRatio: large!.p50Ms / small!.p50Ms,
      pagesPerS: large!.pagesPerS,
    };
    return [{ scenario: "history", peer: peer.name, metrics }];
  },
};
