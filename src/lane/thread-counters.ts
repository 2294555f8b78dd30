/** A thread's statistics, as indices among its counters in the map. */
import { PRIORITIES } from '../event/priority.ts'
import { MAX_DEPTH, type PublisherSlot } from './map.ts'

/** Events that this thread dispatched. */
export const DISPATCHED = 0
/**
 * Events that were accepted, and written nowhere: their lane was full and its policy dropped them, or a sample did without
 * them. One count for each depth and priority: each has one writer.
 */
export function droppedNewest(slot: PublisherSlot): number {
  return 1 + wayOf(slot)
}

export function sampledOut(slot: PublisherSlot): number {
  return 1 + WAYS + wayOf(slot)
}

const WAYS = (MAX_DEPTH + 1) * PRIORITIES

function wayOf({ depth, priority }: PublisherSlot): number {
  return depth * PRIORITIES + priority
}
