/** A thread's statistics, as indices among its counters in the map. */

/** Events that this thread published and its lane's policy dropped: accepted, and nowhere else. */
export const DROPPED_NEWEST = 0
/** Events that this thread dispatched. */
export const DISPATCHED = 1
