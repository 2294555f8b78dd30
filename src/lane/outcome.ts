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
