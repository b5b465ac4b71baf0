/** What is done about a store, by what it says of itself. On real servers: test/store-put-back.test.ts at the root. */
import t from "tap";
import { rereadForRestoredStore } from "../src/recovery/restored-store.ts";
import type { Position } from "../src/store/position.ts";

const LOG = { epoch: "b", firstSeq: 5, lastSeq: 20, ackFloor: 10, unsafeSettings: [] };

interface Case {
  readonly what: string;
  readonly log?: Partial<typeof LOG>;
  readonly mark?: Position;
  readonly deskFails?: boolean;
  readonly reread?: boolean;
  readonly accepted?: boolean;
}

const CASES: readonly Case[] = [
  { what: "it has what was acknowledged", mark: { epoch: "b", seq: 10 } },
  { what: "it has more", mark: { epoch: "b", seq: 12 } },
  { what: "it is of a later life of the log", mark: { epoch: "c", seq: 1 } },
  { what: "it is behind by one", mark: { epoch: "b", seq: 9 }, reread: true },
  { what: "it is of an earlier life of the log", mark: { epoch: "a", seq: 99 }, reread: true },
  { what: "it is empty", reread: true },
  { what: "it is empty, and so is the log", log: { firstSeq: 0, lastSeq: 0, ackFloor: 0 } },
  { what: "it is empty, and the log has no consumer yet", log: { ackFloor: 0 } },
  { what: "what it lacks has left the log", log: { firstSeq: 11 }, mark: { epoch: "b", seq: 9 } },
  { what: "nobody may take the consumer away now", deskFails: true, accepted: false },
];

for (const { what, log, mark, deskFails = false, reread = false, accepted = true } of CASES) {
  t.test(what, async (t) => {
    const done: string[] = [];
    const accept = rereadForRestoredStore(() => ({
      store: { loadMark: async () => mark && { position: mark, fingerprint: "f" } },
      floor: {
        known: undefined,
        forget: async () => {
          done.push("forgotten");
        },
      },
      logAdmin: {
        connected: true,
        rereadLog: async (epoch) => {
          if (deskFails) throw new Error("away");
          done.push(epoch);
        },
      },
      onFailure: (trouble) => done.push(trouble),
    }));
    const isAccepted = await accept({ ...LOG, ...log }).then(
      () => true,
      () => false,
    );
    t.equal(isAccepted, accepted);
    t.match(done, reread ? ["b", "forgotten", /put back/] : [], done.join());
    t.equal(done.length, reread ? 3 : 0);
  });
}
