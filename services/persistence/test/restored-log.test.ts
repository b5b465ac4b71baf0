/** Recovery's decisions about a log. With real servers: test/restored-log.test.ts at the root. */
import t from "tap";
import { fingerprint, markOf } from "../src/recovery/mark.ts";
import { renewRestoredLog } from "../src/recovery/restored-log.ts";
import type { Position } from "../src/store/position.ts";
import type { Mark } from "../src/store/store.ts";
import { message, record } from "./support.ts";

const LOG = { epoch: "b", firstSeq: 5, lastSeq: 20, unsafeSettings: [] };
const KNOWN = record(message("a", "known"), { epoch: "b", seq: 10 });
const ANOTHER = record(message("a", "another"), { epoch: "b", seq: 10 });
const marked = (position: Position): Mark => ({ position, fingerprint: fingerprint(KNOWN) });

interface Case {
  readonly what: string;
  readonly reached?: Position;
  readonly mark?: Mark;
  /** The log's event at the mark; absent: none. */
  readonly at?: typeof KNOWN;
  /** The log's end at the second check. */
  readonly since?: Position;
  readonly adminFails?: boolean;
  readonly renewed?: Position;
  readonly failures?: number;
}

const CASES: readonly Case[] = [
  { what: "without a checkpoint" },
  { what: "the log is unchanged", reached: { epoch: "b", seq: 20 }, mark: marked({ epoch: "b", seq: 10 }), at: KNOWN },
  {
    what: "another instance has stored newer events",
    reached: { epoch: "b", seq: 22 },
    since: { epoch: "b", seq: 22 },
  },
  {
    what: "the log was created again during the check",
    reached: { epoch: "b", seq: 22 },
    since: { epoch: "c", seq: 1 },
    renewed: { epoch: "b", seq: 22 },
    failures: 1,
  },
  {
    what: "the log ends before the floor",
    reached: { epoch: "b", seq: 21 },
    renewed: { epoch: "b", seq: 21 },
    failures: 1,
  },
  {
    what: "the log ends before the mark, which is ahead of the floor",
    reached: { epoch: "b", seq: 3 },
    mark: marked({ epoch: "b", seq: 22 }),
    renewed: { epoch: "b", seq: 22 },
    failures: 1,
  },
  {
    what: "the log has another event at the mark",
    reached: { epoch: "b", seq: 9 },
    mark: marked({ epoch: "b", seq: 10 }),
    at: ANOTHER,
    renewed: { epoch: "b", seq: Number.POSITIVE_INFINITY },
    failures: 1,
  },
  { what: "the event at the mark was erased", mark: marked({ epoch: "b", seq: 10 }) },
  { what: "the event at the mark has expired", mark: marked({ epoch: "b", seq: 4 }), at: ANOTHER },
  { what: "the mark is of an earlier epoch", mark: marked({ epoch: "a", seq: 10 }), at: ANOTHER },
  {
    what: "the log administration is unreachable",
    mark: marked({ epoch: "b", seq: 10 }),
    at: ANOTHER,
    adminFails: true,
    failures: 1,
  },
];

for (const { what, reached, mark, at, since, adminFails = false, renewed, failures = 0 } of CASES) {
  t.test(what, async (t) => {
    const renewals: Position[] = [];
    const seen: string[] = [];
    const accept = renewRestoredLog(() => ({
      floor: { reached: async () => reached },
      store: { loadMark: async () => mark },
      logAdmin: {
        connected: true,
        log: async () => ({ ...LOG, ...(since ? { epoch: since.epoch, lastSeq: since.seq } : {}) }),
        at: async () => {
          if (adminFails) throw new Error("away");
          return at && { ...at, headers: "" };
        },
        renewLog: async (position) => renewals.push(position) > 0,
      },
      onFailure: (failure) => seen.push(failure),
    }));
    const accepted = await accept(LOG).then(
      () => true,
      () => false,
    );
    t.equal(accepted, renewed === undefined);
    t.same(renewals, renewed ? [renewed] : []);
    t.equal(seen.length, failures, seen.join());
  });
}

t.test("the mark is the last event of a batch, in any order", async (t) => {
  const later = record(message("b", "later"), { epoch: "b", seq: 11 });
  const expected = { position: { epoch: "b", seq: 11 }, fingerprint: fingerprint(later) };
  t.same(markOf([KNOWN, later]), expected);
  t.same(markOf([later, KNOWN]), expected);
  t.not(fingerprint(KNOWN), fingerprint(ANOTHER));
});
