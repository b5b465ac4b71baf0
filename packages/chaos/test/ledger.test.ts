/** The self-check itself: each kind of broken promise is seen, and seen as what it is. */
import t from "tap";
import { audit, type Books } from "../src/ledger.ts";
import { AnswerTally } from "../src/tally.ts";
import { type Told, View } from "../src/view.ts";

const EPOCH = "0e";
const ROOM = "yard";

/** What an acknowledgement says beside the place. */
const ABOUT = { room: ROOM, number: 9, at: 0 };

const told = (seq: number, number = seq, nonce = `n${number}`): Told => ({
  epoch: EPOCH,
  seq,
  user: "ann",
  nonce,
  message: `#${number} hello`,
});

/** Three messages, known to everybody, but for what is said otherwise. */
function books(other: { log?: Told[]; history?: Told[]; seen?: Told[]; answeredTwice?: number } = {}): Books {
  const all = [told(1), told(2), told(3)];
  const view = new View("bob", ROOM);
  view.joined(EPOCH, `${EPOCH}.0`, true);
  for (const each of other.seen ?? all) view.event(each);
  return {
    acked: all.map(({ seq, nonce, user }) => ({ room: ROOM, user, nonce, number: seq, epoch: EPOCH, seq, at: 0 })),
    views: [view],
    log: { epoch: EPOCH, rooms: new Map([[ROOM, other.log ?? all]]) },
    history: new Map([[ROOM, other.history ?? all]]),
    answeredTwice: other.answeredTwice ?? 0,
    remadeAt: [],
  };
}

const counts = (each: Books) => {
  const { lost, duplicated, disordered } = audit(each);
  return { lost: lost > 0, duplicated: duplicated > 0, disordered: disordered > 0 };
};
const NONE = { lost: false, duplicated: false, disordered: false };

t.same(counts(books()), NONE, "what is in order is found in order");
t.same(counts(books({ seen: [told(1), told(3)] })), { ...NONE, lost: true }, "a hole in a view");
t.same(counts(books({ seen: [told(1), told(2)] })), { ...NONE, lost: true }, "a lost tail of a view");
t.same(counts(books({ history: [told(1), told(2)] })), { ...NONE, lost: true }, "a hole in history");
t.match(counts(books({ log: [told(1), told(2)] })), { lost: true }, "a hole in the log");
t.same(counts(books({ seen: [told(1), told(2), told(2), told(3)] })), { ...NONE, duplicated: true }, "told twice");
const doubled = [told(1), told(2), told(3), told(4, 3)];
t.match(counts(books({ log: doubled, history: doubled, seen: doubled })), { duplicated: true }, "stored twice");
t.match(counts(books({ seen: [told(1), told(3), told(2)] })), { disordered: true }, "told out of order");
const swapped = [told(1), told(2, 3), told(3, 2)];
t.match(
  counts({ ...books({ log: swapped, history: swapped, seen: swapped }), acked: [] }),
  { ...NONE, disordered: true },
  "a sender's messages change places",
);
t.same(
  counts(books({ seen: [told(1), { ...told(2), message: "#2 other" }, told(3)] })),
  { ...NONE, lost: true },
  "another text",
);
const twice = [told(1), told(2), told(3), told(4, 3, "another")];
t.match(
  counts({ ...books({ log: twice, history: twice, seen: twice }), acked: [] }),
  { ...NONE, disordered: true },
  "a sender's number comes again",
);
const elsewhere = { ...told(9), epoch: "0d" };
t.same(
  counts({ ...books({ history: [elsewhere, told(1), told(2), told(3)] }), acked: [{ ...elsewhere, ...ABOUT }] }),
  { ...NONE, lost: true },
  "acknowledged by another log than there is, though none was made anew",
);
const moved = new View("bob", ROOM);
moved.joined(EPOCH, `${EPOCH}.0`, true);
moved.event(told(1));
moved.joined(EPOCH, `${EPOCH}.2`, false);
moved.event(told(3));
t.equal(moved.refused, 1, "a position that was not recovered is counted");
t.same(counts({ ...books(), views: [moved] }), { ...NONE, lost: true }, "what came last before a member was moved on");
t.same(counts(books({ answeredTwice: 1 })), { ...NONE, duplicated: true }, "a send answered twice");

const tally = new AnswerTally();
const up = JSON.stringify({ type: "message", room: ROOM, nonce: "n1" });
tally.up(up);
tally.up(up);
tally.down({ type: "ack", nonce: "n1" });
tally.down({ type: "ack", nonce: "n1" });
t.equal(tally.answeredTwice, 0, "sent twice, answered twice");
tally.down({ type: "ack", nonce: "n1" });
t.equal(tally.answeredTwice, 1, "an answer more than sends");
