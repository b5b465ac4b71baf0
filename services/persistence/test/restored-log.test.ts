/** What is done about a log, by what it says of itself. On real servers: test/rewound.test.ts at the root. */
import t from "tap";
import { fingerprint, markOf } from "../src/recovery/mark.ts";
import { renewRestoredLog } from "../src/recovery/restored-log.ts";
import type { Position } from "../src/store/position.ts";
import type { Mark } from "../src/store/store.ts";
import { message, record } from "./support.ts";

const LOG = { epoch: "b", firstSeq: 5, lastSeq: 20, unsafeSettings: [] };
const SAID = record(message("a", "said"), { epoch: "b", seq: 10 });
const ANOTHER = record(message("a", "said anew"), { epoch: "b", seq: 10 });
const marked = (position: Position): Mark => ({ position, fingerprint: fingerprint(SAID) });

interface Case {
  readonly what: string;
  readonly reached?: Position;
  readonly mark?: Mark;
  /** What the log has at the mark; absent: nothing. */
  readonly at?: typeof SAID;
  /** Where the log ends when it is looked at once more. */
  readonly since?: Position;
  readonly deskFails?: boolean;
  readonly renewed?: Position;
  readonly troubles?: number;
}

const CASES: readonly Case[] = [
  { what: "nothing is known" },
  { what: "it is where it was", reached: { epoch: "b", seq: 20 }, mark: marked({ epoch: "b", seq: 10 }), at: SAID },
  {
    what: "another instance has stored what was said meanwhile",
    reached: { epoch: "b", seq: 22 },
    since: { epoch: "b", seq: 22 },
  },
  {
    what: "it has been made anew meanwhile",
    reached: { epoch: "b", seq: 22 },
    since: { epoch: "c", seq: 1 },
    renewed: { epoch: "b", seq: 22 },
    troubles: 1,
  },
  { what: "it ends before the floor", reached: { epoch: "b", seq: 21 }, renewed: { epoch: "b", seq: 21 }, troubles: 1 },
  {
    what: "it ends before the mark, which is ahead of the floor",
    reached: { epoch: "b", seq: 3 },
    mark: marked({ epoch: "b", seq: 22 }),
    renewed: { epoch: "b", seq: 22 },
    troubles: 1,
  },
  {
    what: "it has another event at the mark",
    reached: { epoch: "b", seq: 9 },
    mark: marked({ epoch: "b", seq: 10 }),
    at: ANOTHER,
    renewed: { epoch: "b", seq: Number.POSITIVE_INFINITY },
    troubles: 1,
  },
  { what: "the event at the mark was erased", mark: marked({ epoch: "b", seq: 10 }) },
  { what: "the mark has left the log by age", mark: marked({ epoch: "b", seq: 4 }), at: ANOTHER },
  { what: "the mark is of a life before", mark: marked({ epoch: "a", seq: 10 }), at: ANOTHER },
  {
    what: "nobody can be asked what it has there",
    mark: marked({ epoch: "b", seq: 10 }),
    at: ANOTHER,
    deskFails: true,
    troubles: 1,
  },
];

for (const { what, reached, mark, at, since, deskFails = false, renewed, troubles = 0 } of CASES) {
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
          if (deskFails) throw new Error("away");
          return at;
        },
        renewLog: async (position) => renewals.push(position) > 0,
      },
      onFailure: (trouble) => seen.push(trouble),
    }));
    const accepted = await accept(LOG).then(
      () => true,
      () => false,
    );
    t.equal(accepted, renewed === undefined);
    t.same(renewals, renewed ? [renewed] : []);
    t.equal(seen.length, troubles, seen.join());
  });
}

t.test("the markOf is the last event of a batch, in whatever order it comes", async (t) => {
  const later = record(message("b", "later"), { epoch: "b", seq: 11 });
  const expected = { position: { epoch: "b", seq: 11 }, fingerprint: fingerprint(later) };
  t.same(markOf([SAID, later]), expected);
  t.same(markOf([later, SAID]), expected);
  t.not(fingerprint(SAID), fingerprint(ANOTHER));
});
