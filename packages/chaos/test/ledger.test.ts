/** Checks the checker: it finds each kind of broken guarantee and classifies it. */
import t from "tap";
import { audit, type Evidence } from "../src/ledger.ts";
import { AnswerTally } from "../src/tally.ts";
import { type MessageRecord, View } from "../src/view.ts";

const EPOCH = "0e";
const ROOM = "yard";

/** The fields of an acknowledgement besides its position. */
const ABOUT = { room: ROOM, number: 9, at: 0 };

const message = (seq: number, number = seq, nonce = `n${number}`): MessageRecord => ({
  epoch: EPOCH,
  seq,
  user: "ann",
  nonce,
  message: `#${number} hello`,
});

/** Three messages that the log, history and a member have, with the given differences. */
function evidence(
  other: { log?: MessageRecord[]; history?: MessageRecord[]; seen?: MessageRecord[]; answeredTwice?: number } = {},
): Evidence {
  const all = [message(1), message(2), message(3)];
  const view = new View("bob", ROOM);
  view.joined(EPOCH, `${EPOCH}.0`, true);
  for (const each of other.seen ?? all) view.event(each);
  return {
    acked: all.map(({ seq, nonce, user }) => ({ room: ROOM, user, nonce, number: seq, epoch: EPOCH, seq, at: 0 })),
    views: [view],
    log: { epoch: EPOCH, rooms: new Map([[ROOM, other.log ?? all]]) },
    history: new Map([[ROOM, other.history ?? all]]),
    answeredTwice: other.answeredTwice ?? 0,
    deletedAt: [],
  };
}

const counts = (each: Evidence) => {
  const { lost, duplicated, disordered } = audit(each);
  return { lost: lost > 0, duplicated: duplicated > 0, disordered: disordered > 0 };
};
const NONE = { lost: false, duplicated: false, disordered: false };

t.same(counts(evidence()), NONE, "no fault in consistent evidence");
t.same(counts(evidence({ seen: [message(1), message(3)] })), { ...NONE, lost: true }, "a gap in a view");
t.same(counts(evidence({ seen: [message(1), message(2)] })), { ...NONE, lost: true }, "a lost tail of a view");
t.same(counts(evidence({ history: [message(1), message(2)] })), { ...NONE, lost: true }, "a gap in history");
t.match(counts(evidence({ log: [message(1), message(2)] })), { lost: true }, "a gap in the log");
t.same(
  counts(evidence({ seen: [message(1), message(2), message(2), message(3)] })),
  { ...NONE, duplicated: true },
  "received twice",
);
const doubled = [message(1), message(2), message(3), message(4, 3)];
t.match(counts(evidence({ log: doubled, history: doubled, seen: doubled })), { duplicated: true }, "stored twice");
t.match(
  counts(evidence({ seen: [message(1), message(3), message(2)] })),
  { disordered: true },
  "received out of order",
);
const swapped = [message(1), message(2, 3), message(3, 2)];
t.match(
  counts({ ...evidence({ log: swapped, history: swapped, seen: swapped }), acked: [] }),
  { ...NONE, disordered: true },
  "messages of a sender are swapped",
);
t.same(
  counts(evidence({ seen: [message(1), { ...message(2), message: "#2 other" }, message(3)] })),
  { ...NONE, lost: true },
  "another text",
);
const twice = [message(1), message(2), message(3), message(4, 3, "another")];
t.match(
  counts({ ...evidence({ log: twice, history: twice, seen: twice }), acked: [] }),
  { ...NONE, disordered: true },
  "a number of a sender occurs twice",
);
const elsewhere = { ...message(9), epoch: "0d" };
t.same(
  counts({
    ...evidence({ history: [elsewhere, message(1), message(2), message(3)] }),
    acked: [{ ...elsewhere, ...ABOUT }],
  }),
  { ...NONE, lost: true },
  "acknowledged by another log, although none was deleted",
);
const moved = new View("bob", ROOM);
moved.joined(EPOCH, `${EPOCH}.0`, true);
moved.event(message(1));
moved.joined(EPOCH, `${EPOCH}.2`, false);
moved.event(message(3));
t.equal(moved.refused, 1, "a position that was not recovered is counted");
t.same(
  counts({ ...evidence(), views: [moved] }),
  { ...NONE, lost: true },
  "the last messages before a refused recovery",
);
t.same(counts(evidence({ answeredTwice: 1 })), { ...NONE, duplicated: true }, "a send answered twice");

const tally = new AnswerTally();
const up = JSON.stringify({ type: "message", room: ROOM, nonce: "n1" });
tally.up(up);
tally.up(up);
tally.down({ type: "ack", nonce: "n1" });
tally.down({ type: "ack", nonce: "n1" });
t.equal(tally.answeredTwice, 0, "sent twice, answered twice");
tally.down({ type: "ack", nonce: "n1" });
t.equal(tally.answeredTwice, 1, "one answer more than sends");
