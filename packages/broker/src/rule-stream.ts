import { createHash } from "node:crypto";
import { type Rule, roomToken, whoOf } from "@madang/protocol";
import { DiscardPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";

/** One message a subject, which is the present state of one rule. Rules do not age. */
export const RULES_STREAM = "CHAT_RULES";
export const RULES_SUBJECTS = "chat.rule.>";
/** Where the stream republishes each rule that it has stored. */
export const LIVE_RULES_PREFIX = "chat.rulelive.";

/** The configuration with which the stream of rules is created. @param replicas copies in the cluster: 1, 3 or 5 */
export function rulesConfig(replicas: number): Partial<StreamConfig> & { name: string } {
  return {
    name: RULES_STREAM,
    subjects: [RULES_SUBJECTS],
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_msgs_per_subject: 1,
    allow_direct: true,
    deny_delete: true,
    deny_purge: true,
    num_replicas: replicas,
    republish: { src: RULES_SUBJECTS, dest: `${LIVE_RULES_PREFIX}>` },
  };
}

/** `chat.rule.<rest>`. A person is a hash there: a token's `sub` may be longer than a NATS subject should be. */
export function ruleSubject(rule: Rule): string {
  if (rule.kind === "room") return `chat.rule.room.${roomToken(rule.room)}`;
  const person = createHash("sha256").update(whoOf(rule)).digest("base64url");
  return rule.room === undefined
    ? `chat.rule.everywhere.${person}`
    : `chat.rule.member.${roomToken(rule.room)}.${person}`;
}
