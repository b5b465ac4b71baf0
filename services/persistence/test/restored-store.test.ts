/** Recovery's decisions about a store. With real servers: test/restored-store.test.ts at the root. */
import t from "tap";
import { rereadForRestoredStore } from "../src/recovery/restored-store.ts";
import type { Position } from "../src/store/position.ts";

const LOG = { epoch: "b", firstSeq: 5, lastSeq: 20, ackFloor: 10, unsafeSettings: [] };

interface Case {
  readonly what: string;
  readonly log?: Partial<typeof LOG>;
  readonly mark?: Position;
  readonly adminFails?: boolean;
  readonly reread?: boolean;
  readonly accepted?: boolean;
}

const CASES: readonly Case[] = [
  { what: "the store has every acknowledged event", mark: { epoch: "b", seq: 10 } },
  { what: "the store is ahead of the acknowledged events", mark: { epoch: "b", seq: 12 } },
  { what: "the mark is of a later epoch", mark: { epoch: "c", seq: 1 } },
  { what: "the store is behind by one event", mark: { epoch: "b", seq: 9 }, reread: true },
  { what: "the mark is of an earlier epoch", mark: { epoch: "a", seq: 99 }, reread: true },
  { what: "the store is empty", reread: true },
  { what: "the store and the log are empty", log: { firstSeq: 0, lastSeq: 0, ackFloor: 0 } },
  { what: "the store is empty, and the log has no consumer yet", log: { ackFloor: 0 } },
  { what: "the missing events have expired", log: { firstSeq: 11 }, mark: { epoch: "b", seq: 9 } },
  { what: "the log administration is unreachable", adminFails: true, accepted: false },
];

for (const { what, log, mark, adminFails = false, reread = false, accepted = true } of CASES) {
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
          if (adminFails) throw new Error("away");
          done.push(epoch);
        },
      },
      onFailure: (failure) => done.push(failure),
    }));
    const isAccepted = await accept({ ...LOG, ...log }).then(
      () => true,
      () => false,
    );
    t.equal(isAccepted, accepted);
    t.match(done, reread ? ["b", "forgotten", /restored/] : [], done.join());
    t.equal(done.length, reread ? 3 : 0);
  });
}
