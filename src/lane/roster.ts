import { leaseHolder, wake } from '../../native-free-ring/src/index.ts'
import {
  dispatchers,
  homeWord,
  leaseWord,
  type MapShape,
  ownerWord,
  type PoolShape,
  parkedWord,
  poolOf,
  presenceWord,
  threadsOf,
} from './map.ts'

/**
 * Which threads dispatch, and which of them reads which lane first (decision 23): words that the engine's thread writes before
 * it raises the registry's version, and all others read.
 */
export const ABSENT = 0
export const PRESENT = 1
/** It ends once it has done what it has begun. */
export const LEAVING = 2
export type Presence = typeof ABSENT | typeof PRESENT | typeof LEAVING

export function presenceOf(control: Int32Array, thread: number): Presence {
  return Atomics.load(control, presenceWord(thread)) as Presence
}

/** The thread that a lane is read by first: a worker of its pool, or the engine's own thread if there are none. */
export function homeOf(control: Int32Array, shape: MapShape, lane: number): number {
  // After the store of a ring's tail: if that is the old home, it has not given the lane away yet.
  return Atomics.load(control, homeWord(shape, lane))
}

/** Wakes the thread that has to look at a lane: the one that holds its lease, or its home. After the store that made the news. */
export function wakeReader(control: Int32Array, shape: MapShape, lane: number): void {
  const home = homeOf(control, shape, lane)
  const holder = leaseHolder(control, leaseWord(shape, lane))
  wake(control, parkedWord(home))
  if (holder === 0 || holder === Atomics.load(control, ownerWord(home))) return
  // The home can't take it. If that thread gives it back meanwhile, it looks itself, or wakes the home.
  for (const thread of threadsOf(poolOf(shape, home)))
    if (Atomics.load(control, ownerWord(thread)) === holder) wake(control, parkedWord(thread))
}

/** The threads that dispatch, those that are about to end included. */
export function dispatching(control: Int32Array, shape: MapShape): number[] {
  return dispatchers(shape).filter((thread) => presenceOf(control, thread) !== ABSENT)
}

/** The threads of a pool that read its lanes. */
export function presentIn(control: Int32Array, pool: PoolShape): number[] {
  return threadsOf(pool).filter((thread) => presenceOf(control, thread) === PRESENT)
}

export function setPresence(control: Int32Array, thread: number, presence: Presence): void {
  Atomics.store(control, presenceWord(thread), presence)
}

/** Gives each lane of a pool a home that is present: each has as many as the others, give or take one, and as few move as may. */
export function assignHomes(control: Int32Array, shape: MapShape, pool: PoolShape): void {
  const { firstLane, keyedLanes, freeLanes } = pool
  const present = presentIn(control, pool)
  spread(control, shape, firstLane, keyedLanes, present)
  spread(control, shape, firstLane + keyedLanes, freeLanes, present)
}

function spread(
  control: Int32Array,
  shape: MapShape,
  first: number,
  count: number,
  present: readonly number[],
): void {
  const homes = present.map((thread) => ({ thread, lanes: [] as number[] }))
  const homeless: number[] = []
  for (let lane = first; lane < first + count; lane++) {
    const home = homeOf(control, shape, lane)
    const lanes = homes.find(({ thread }) => thread === home)?.lanes ?? homeless
    lanes.push(lane)
  }
  const byLoad = () => homes.toSorted((one, other) => one.lanes.length - other.lanes.length)
  for (const lane of homeless) byLoad()[0]!.lanes.push(lane)
  for (;;) {
    const sorted = byLoad()
    const [least, most] = [sorted[0]!, sorted.at(-1)!]
    if (most.lanes.length - least.lanes.length <= 1) break
    least.lanes.push(most.lanes.pop()!)
  }
  for (const { thread, lanes } of homes)
    for (const lane of lanes) Atomics.store(control, homeWord(shape, lane), thread)
}
