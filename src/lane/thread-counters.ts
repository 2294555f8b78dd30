/** A thread's statistics, as indices among its counters in the map. */
import { MAX_DEPTH } from './map.ts'

/** Events that this thread dispatched. */
export const DISPATCHED = 0
/**
 * Events that were accepted, and written nowhere: their lane was full and its policy dropped them, or a sample did without
 * them. One count for each depth.
 */
export const DROPPED_NEWEST = 1
export const SAMPLED_OUT = DROPPED_NEWEST + MAX_DEPTH + 1
