/** A thread's statistics, as indices among its counters in the map. */

/** Events that this thread dispatched. */
export const DISPATCHED = 0
/** Events that were published and their lane's policy dropped: accepted, and nowhere else. One count for each depth. */
export const DROPPED_NEWEST = 1
