import type { Policy } from '../event/policy.ts'
import { matches } from '../topic/matcher.ts'

/** The topics of what the engine itself publishes. */
export const DEAD_LETTER_TOPIC = 'millrace.dead-letter'
export const DROPPED_TOPIC = 'millrace.dropped'
export const HIGH_WATER_TOPIC = 'millrace.high-water'
export const LOW_WATER_TOPIC = 'millrace.low-water'

const TOPICS = [DEAD_LETTER_TOPIC, DROPPED_TOPIC, HIGH_WATER_TOPIC, LOW_WATER_TOPIC] as const

export type NoticeTopic = (typeof TOPICS)[number]

/** Where something happened: in a lane, for its publisher; or in the mailbox of a subscription. */
export type NoticePlace =
  | { where: 'lane'; lane: number }
  | { where: 'mailbox'; subscription: number; patterns: readonly string[] }

/** Events were dropped: `topic` is the latest one's. Sampled, at most once a second of each publisher or mailbox and policy. */
export type DropNotice = NoticePlace & {
  topic: string
  policy: Policy
  /** About how many since the last notice; the ledger has the exact count. */
  count: number
}

/** A lane's ring, in bytes, or a mailbox, in events, is filled to 80 % (high water), or to less than 50 % again (low water). */
export type LevelNotice = NoticePlace & { used: number; capacity: number }

export const HIGH_WATER = 0.8
export const LOW_WATER = 0.5

export function isNotice(topic: string): boolean {
  return (TOPICS as readonly string[]).includes(topic)
}

/**
 * Whether patterns ask for a topic. Notices come only to patterns that name `millrace.`: who subscribes to everything does not
 * get what is said about everything.
 */
export function asksFor(patterns: readonly string[], topic: string): boolean {
  return patterns.some((pattern) => pattern.includes('millrace.') && matches(pattern, topic))
}

/** The notices that patterns ask for, as bits of the engine's word NOTICES. */
export function noticesFor(patterns: readonly string[]): number {
  return TOPICS.reduce((bits, topic, index) => (asksFor(patterns, topic) ? bits | (1 << index) : bits), 0)
}

/** The bit of a notice. */
export function noticeBit(topic: NoticeTopic): number {
  return 1 << TOPICS.indexOf(topic)
}
