import { ASKS, COPY, type Draft, draftBytes, HAS_KEY, IN_BLOCK, ORDERED } from '../event/record.ts'
import type { PoolShape, SharedMap } from '../lane/map.ts'
import { FreeLanes } from './free-lanes.ts'
import type { LaneWriters } from './lane-writers.ts'

/**
 * A publisher's way into the pools: finds the lane of a draft in each of its pools, and has it written there (decision 21).
 *
 * Only the publisher's thread may use it.
 */
export class PoolWriters {
  readonly lanes: LaneWriters
  private readonly pools: readonly PoolShape[]
  /** Of each pool. */
  private readonly free: readonly FreeLanes[]

  /** `thread`: publishers begin with different lanes. */
  constructor(map: SharedMap, thread: number, lanes: LaneWriters) {
    this.lanes = lanes
    this.pools = map.shape.pools
    this.free = this.pools.map((pool) => new FreeLanes(map, pool, thread))
  }

  /** A pool's lanes for events without a key. */
  freeOf(pool: number): FreeLanes {
    return this.free[pool]!
  }

  /** Writes the draft, uncommitted, into a lane of each of its pools, of its key or a free one; false if there is no room in one of them, and none has it. */
  place(draft: Draft, bytes: number): boolean {
    const { pools } = draft
    if (pools.length > 1) return this.placeInAll(draft, bytes)
    return (draft.flags & IN_BLOCK) === 0
      ? this.placeRecord(pools[0]!, draft, bytes)
      : this.placeLarge(pools[0]!, draft, bytes)
  }

  /** Who has seen room in all of them finds it: nobody else writes there. */
  private placeInAll(draft: Draft, bytes: number): boolean {
    const { pools, flags, block } = draft
    for (const pool of pools) if (!this.hasRoomIn(pool, draft, bytes)) return false
    const blocks = (flags & IN_BLOCK) === 0 ? [] : this.lanes.blocks.fillAll(draft, pools.length)
    if (blocks === undefined) return false
    pools.forEach((pool, index) => {
      draft.block = blocks[index]
      if (index > 0) draft.flags = (flags & ~ASKS) | COPY
      this.placeRecord(pool, draft, draftBytes(draft))
    })
    draft.flags = flags
    draft.block = block
    return true
  }

  /** Writes the draft, uncommitted, into those of its pools that have room and are not `closed` to it; answers how many do without. */
  placeWhereRoom(draft: Draft, bytes: number, isClosed: (pool: number) => boolean): number {
    const { pools, flags, block } = draft
    this.lanes.number(draft)
    let lost = 0
    pools.forEach((pool, index) => {
      draft.block = block
      if (index > 0) draft.flags = (flags & ~ASKS) | COPY
      const hasRoom = !isClosed(pool) && this.laneHasRoom(pool, draft, bytes)
      // The first that takes it gets the publisher's own block.
      const isFirst = index === lost
      if (hasRoom && ((flags & IN_BLOCK) === 0 || this.lanes.blocks.fill(draft, !isFirst)))
        this.placeRecord(pool, draft, draftBytes(draft))
      else lost++
    })
    draft.flags = flags
    draft.block = block
    return lost
  }

  /** A draft whose data go to a block. */
  private placeLarge(pool: number, draft: Draft, bytes: number): boolean {
    // Before its data are copied.
    if (!this.hasRoomIn(pool, draft, bytes) || !this.lanes.blocks.fill(draft)) return false
    if (this.placeRecord(pool, draft, bytes)) return true
    this.lanes.blocks.unfill()
    return false
  }

  private placeRecord(pool: number, draft: Draft, bytes: number): boolean {
    if ((draft.flags & ORDERED) === 0) return this.placeFree(pool, draft, bytes)
    const { lanes } = this
    const lane = this.laneOfKey(pool, draft.keyHash)
    if (lanes.isSpilling(lane)) return lanes.spill(lane, draft, bytes)
    return lanes.write(lane, draft, bytes) || (draft.spills && lanes.spill(lane, draft, bytes))
  }

  /** The lane of a pool where the draft goes: of its key, or the free one whose turn it is. */
  laneOf(pool: number, draft: Draft): number {
    return (draft.flags & ORDERED) === 0 ? this.free[pool]!.current : this.laneOfKey(pool, draft.keyHash)
  }

  private laneOfKey(pool: number, keyHash: number): number {
    const { firstLane, keyedLanes } = this.pools[pool]!
    return firstLane + (keyHash % keyedLanes)
  }

  /**
   * Writes the draft, uncommitted, where it may take the place of older ones: `coalesce` of that with the same key, else of
   * the oldest. Commit before the next. Answers how many of its pools do without it, since no block is free for its data although all that lay in its
   * lane's relay there was given up.
   */
  overwrite(draft: Draft, bytes: number, coalesce: boolean): number {
    const { pools, flags, block } = draft
    this.lanes.number(draft)
    let lost = 0
    for (let i = 0; i < pools.length; i++) {
      if (i > 0) draft.flags = flags | COPY
      if (!this.overwriteIn(pools[i]!, draft, bytes, coalesce)) lost++
    }
    draft.flags = flags
    draft.block = block
    return lost
  }

  private overwriteIn(pool: number, draft: Draft, bytes: number, coalesce: boolean): boolean {
    if ((draft.flags & IN_BLOCK) !== 0 && !this.fillByForce(pool, draft)) return false
    if ((draft.flags & ORDERED) === 0) {
      this.overwriteFree(this.free[pool]!, draft, bytes)
      return true
    }
    const lane = this.laneOfKey(pool, draft.keyHash)
    if (coalesce && (draft.flags & HAS_KEY) !== 0) this.lanes.coalesce(lane, draft, bytes)
    else this.lanes.relay(lane, draft, bytes, true)
    return true
  }

  /** Gives up what lies in the lane's relay, the oldest first, until there is room for the draft's data. */
  private fillByForce(pool: number, draft: Draft): boolean {
    const lane = this.laneOf(pool, draft)
    while (!this.lanes.blocks.fill(draft, (draft.flags & COPY) !== 0))
      if (!this.lanes.dropOldest(lane)) return false
    return true
  }

  /** Whether the draft could be placed in all of its pools now. */
  hasRoom(draft: Draft, bytes: number): boolean {
    for (const pool of draft.pools) if (!this.hasRoomIn(pool, draft, bytes)) return false
    return true
  }

  private hasRoomIn(pool: number, draft: Draft, bytes: number): boolean {
    if ((draft.flags & IN_BLOCK) !== 0 && !this.lanes.blocks.mayFill(draft)) return false
    return this.laneHasRoom(pool, draft, bytes)
  }

  /** The same, whether or not there is a block for its data. */
  private laneHasRoom(pool: number, draft: Draft, bytes: number): boolean {
    if ((draft.flags & ORDERED) !== 0)
      return this.lanes.hasRoom(this.laneOfKey(pool, draft.keyHash), draft, bytes)
    const { first, count } = this.free[pool]!
    for (let lane = first; lane < first + count; lane++)
      if (this.lanes.hasRoom(lane, draft, bytes)) return true
    return false
  }

  /**
   * What sends wait for together, each with a number: room in the lane of a key, in each of the pools; or in any free lane of these pools.
   */
  waysOf(draft: Draft, pools: readonly number[]): number[] {
    if ((draft.flags & ORDERED) !== 0) return pools.map((pool) => this.laneOfKey(pool, draft.keyHash))
    return [-pools.reduce((bits, pool) => bits | (1 << pool), 0)]
  }

  /** Whether so many bytes, in these pools, may take the room that a draft without a key waits for. */
  mayStarve(pools: readonly number[], bytes: number, waiting: Draft, waitingBytes: number): boolean {
    return pools.some(
      (pool) => waiting.pools.includes(pool) && !this.laneHasRoom(pool, waiting, waitingBytes + bytes),
    )
  }

  /** Says that somebody waits for room there, or no longer does. */
  want(way: number, room: boolean): void {
    if (way >= 0) {
      this.lanes.want(way, room)
      return
    }
    this.free.forEach(({ first, count }, pool) => {
      if ((-way & (1 << pool)) === 0) return
      for (let lane = first; lane < first + count; lane++) this.lanes.want(lane, room)
    })
  }

  /** Wakes the workers that the next events without a key go to. Only a hint: a commit wakes whom it must. */
  rouse(): void {
    for (const free of this.free) this.lanes.wakeReader(free.peek())
  }

  private placeFree(pool: number, draft: Draft, bytes: number): boolean {
    const { lanes } = this
    const free = this.free[pool]!
    // Somebody waits for a request's answer: it goes where the least is before it, and not in a run.
    let lane = (draft.flags & ASKS) === 0 ? free.take() : this.emptiestOf(free)
    if (lanes.write(lane, draft, bytes)) return true
    for (let i = 1; i < free.count; i++) {
      lane = free.after(lane)
      if (!lanes.write(lane, draft, bytes)) continue
      free.turnTo(lane)
      return true
    }
    if (!draft.spills) return false
    for (let i = 0; i < free.count; i++) {
      lane = free.after(lane)
      if (lanes.spill(lane, draft, bytes)) return true
    }
    return false
  }

  /** The lane for events without a key that has the fewest bytes of this publisher: the current one, if it has none. */
  private emptiestOf(free: FreeLanes): number {
    let lane = free.current
    let emptiest = lane
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < free.count && least > 0; i++) {
      const used = this.lanes.usedBytes(lane)
      if (used < least) {
        least = used
        emptiest = lane
      }
      lane = free.after(lane)
    }
    return emptiest
  }

  /** Where there is room; if nowhere, in the place of the oldest of one lane. */
  private overwriteFree(free: FreeLanes, draft: Draft, bytes: number): void {
    const { lanes } = this
    let lane = free.take()
    if (lanes.relay(lane, draft, bytes, false)) return
    for (let i = 1; i < free.count; i++) {
      lane = free.after(lane)
      if (!lanes.relay(lane, draft, bytes, false)) continue
      free.turnTo(lane)
      return
    }
    lanes.relay(free.current, draft, bytes, true)
  }
}
