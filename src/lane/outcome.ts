/**
 * What becomes of an event in a lane: the counters of a ring reader's tally, published in the same store as the
 * ring's cursor. RELEASED counts records as they are given back; the others say why.
 */
export const RELEASED = 0
export const COMPLETED = 1
export const UNMATCHED = 2
export const DROPPED = 3
export const EXPIRED = 4
export const DEAD_LETTERED = 5
/** An event of the same id was completed before. */
export const DUPLICATE = 6
export const LANE_COUNTERS = 7

export type Outcome =
  | typeof COMPLETED
  | typeof UNMATCHED
  | typeof DROPPED
  | typeof EXPIRED
  | typeof DEAD_LETTERED
  | typeof DUPLICATE

const NAMES = [
  undefined,
  'completed',
  'unmatched',
  'dropped',
  'expired',
  'deadLettered',
  'duplicate',
] as const

/** None: it is left as it is. */
export const UNDECIDED = 0

/** What became of an event, in words; undefined if it has not been decided. */
export function outcomeName(outcome: number): (typeof NAMES)[Outcome | 0] {
  return NAMES[outcome]
}

/**
 * A record's mark: its outcome in the low 8 bits, 0 while it has none, above them how often it was attempted.
 * Plain stores by the lane's reader; the next reader sees them through the lease.
 */
const OUTCOME_MASK = 0xff
const ATTEMPT = 0x100
export const MAX_ATTEMPTS = 0x7f_ffff

export function outcomeOf(mark: number): number {
  return mark & OUTCOME_MASK
}

export function attemptsOf(mark: number): number {
  return mark >>> 8
}

/** The mark of a record whose handling is begun for the nth time. */
export function withAttempts(mark: number, attempts: number): number {
  return (mark & OUTCOME_MASK) | (Math.min(attempts, MAX_ATTEMPTS) * ATTEMPT)
}

export function withOutcome(mark: number, outcome: Outcome): number {
  return mark | outcome
}

/** The record at `at` has been attempted so often. Before its handler is called: one that kills its worker is known by its attempts. */
export function raiseAttempts(words: Int32Array, at: number, attempts: number): void {
  const markWord = (at >> 2) - 1
  const mark = words[markWord]!
  if (attempts > attemptsOf(mark)) words[markWord] = withAttempts(mark, attempts)
}
