import { Counters, FULL, RingWriter, wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { closedError } from '../errors.ts'
import { ASKS, type Draft, HAS_KEY, IN_BLOCK, ORDERED, writeDraft } from '../event/record.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import {
  ACTIVATIONS,
  activeWord,
  CLOSING,
  committingWord,
  countersWord,
  homeOf,
  isAttached,
  laneCount,
  type PublisherSlot,
  parkedWord,
  type SharedMap,
  STATE,
  THREAD_COUNTERS,
  USES_RELAYS,
  USES_RINGS,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import { ringPlace } from '../lane/places.ts'
import { DROPPED_NEWEST, SAMPLED_OUT } from '../lane/thread-counters.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import { BlockWriter } from './block-writer.ts'
import { FreeLanes } from './free-lanes.ts'
import type { PublisherNotices } from './publisher-notices.ts'
import { RelayWriters } from './relay-writers.ts'
import { SpillwayWriters } from './spillway-writers.ts'

/** What `place` answers when no lane has room. */
export const NO_ROOM = -1

/**
 * A publisher's ends of all lanes: finds the lane of a draft, claims, writes and commits.
 *
 * Only the publisher's thread may use it.
 */
export class LaneWriters {
  private readonly map: SharedMap
  readonly publisher: number
  private readonly slot: PublisherSlot
  private readonly control: Int32Array
  private readonly counters: Counters
  private readonly writers: (RingWriter | undefined)[]
  private readonly dirty: boolean[]
  /** The lanes with something uncommitted: the first `touchedCount`. */
  private readonly touched: number[] = []
  private touchedCount = 0
  private readonly notices: PublisherNotices
  /** What its records refer to. */
  readonly blocks: BlockWriter
  private readonly relays: RelayWriters
  /** Undefined without a store. */
  private readonly spillways: SpillwayWriters | undefined
  /** The lanes for which sends wait. */
  private readonly wanted = new Set<number>()
  private readonly keyedLanes: number
  private readonly free: FreeLanes
  private sequence = 0
  /** Events written since the last commit. */
  private uncommitted = 0
  /** What of the publisher's is known to be in use: bits of its active word. */
  private active = 0
  private readonly attached: boolean

  constructor(
    map: SharedMap,
    publisher: number,
    topics: TopicTable,
    blocks: ThreadBlocks,
    notices: PublisherNotices,
  ) {
    this.map = map
    this.publisher = publisher
    this.slot = map.publishers[publisher]!
    this.blocks = new BlockWriter(blocks, this.slot.depth)
    const { thread } = this.slot
    this.attached = isAttached(map.shape, thread)
    this.control = wordsOf(map.control)
    this.counters = new Counters(this.control, countersWord(thread), THREAD_COUNTERS)
    this.keyedLanes = map.shape.keyedLanes
    this.free = new FreeLanes(map, thread)
    const lanes = laneCount(map.shape)
    this.writers = new Array(lanes).fill(undefined)
    this.dirty = new Array(lanes).fill(false)
    this.notices = notices
    this.relays = new RelayWriters(map, publisher, topics, this.blocks, notices)
    this.spillways = map.shape.spills ? new SpillwayWriters(map, publisher) : undefined
    const used = Atomics.load(this.control, activeWord(this.slot))
    // A slot that was used before goes on with its count: sequences and the ids made of them are never reused.
    for (let lane = 0; lane < lanes; lane++) {
      if (used & USES_RINGS) this.sequence += new RingWriter(ringPlace(map, publisher, lane)).written
      if (used & USES_RELAYS) this.sequence += this.relays.writtenTo(lane)
      if (used & USES_SPILLWAYS) this.sequence += this.spillways!.writtenTo(lane)
    }
  }

  /** Writes the draft, uncommitted, into the lane of its key, or into a free one; answers the lane or `NO_ROOM`. */
  place(draft: Draft, bytes: number): number {
    return (draft.flags & IN_BLOCK) === 0 ? this.placeRecord(draft, bytes) : this.placeLarge(draft, bytes)
  }

  /** The same for a draft whose data go to a block. */
  private placeLarge(draft: Draft, bytes: number): number {
    // Before its data are copied.
    const hasRoom =
      (draft.flags & ORDERED) === 0
        ? this.hasFreeRoom(draft, bytes)
        : this.hasRoom(this.laneOfKey(draft.keyHash), draft, bytes)
    if (!hasRoom || !this.blocks.fill(draft)) return NO_ROOM
    const lane = this.placeRecord(draft, bytes)
    if (lane === NO_ROOM) this.blocks.unfill()
    return lane
  }

  private placeRecord(draft: Draft, bytes: number): number {
    if ((draft.flags & ORDERED) === 0) return this.placeFree(draft, bytes)
    const lane = this.laneOfKey(draft.keyHash)
    if (this.isSpilling(lane)) return this.spill(lane, draft, bytes) ? lane : NO_ROOM
    if (this.write(lane, draft, bytes)) return lane
    return draft.spills && this.spill(lane, draft, bytes) ? lane : NO_ROOM
  }

  /** The lane where the draft goes: of its key, or the free one whose turn it is. */
  laneOf(draft: Draft): number {
    return (draft.flags & ORDERED) === 0 ? this.free.current : this.laneOfKey(draft.keyHash)
  }

  laneOfKey(keyHash: number): number {
    return keyHash % this.keyedLanes
  }

  /** Writes the draft into this lane's ring, uncommitted, if there is room. */
  private write(lane: number, draft: Draft, bytes: number): boolean {
    const writer = this.writer(lane)
    const at = writer.claim(bytes)
    if (at === FULL) return false
    this.number(draft)
    writeDraft(writer, at, draft)
    this.notices.look(lane, writer)
    if (!this.dirty[lane]) {
      this.dirty[lane] = true
      this.touched[this.touchedCount++] = lane
    }
    return true
  }

  /**
   * Writes the draft, uncommitted, where it may take the place of older ones: `coalesce` of that with the same key, else of
   * the oldest. Commit before the next. Answers false if no block is free for its data, although all that lay in its lane's relay was given up.
   */
  overwrite(draft: Draft, bytes: number, coalesce: boolean): boolean {
    this.use(USES_RELAYS)
    if ((draft.flags & IN_BLOCK) !== 0 && !this.fillByForce(draft)) return false
    this.number(draft)
    if ((draft.flags & ORDERED) === 0) {
      this.overwriteFree(draft, bytes)
      return true
    }
    const lane = this.laneOfKey(draft.keyHash)
    if (coalesce && (draft.flags & HAS_KEY) !== 0) this.relays.coalesce(lane, draft, bytes)
    else this.relays.write(lane, draft, bytes, true)
    return true
  }

  /** Gives up what lies in the lane's relay, the oldest first, until there is room for the draft's data. */
  private fillByForce(draft: Draft): boolean {
    while (!this.blocks.fill(draft)) if (!this.relays.dropOldest(this.laneOf(draft))) return false
    return true
  }

  /**
   * Makes everything written visible, and wakes the workers that parked.
   *
   * @throws ClosedError from an attached thread, if the engine was closed meanwhile: nothing was published.
   */
  commit(): void {
    if (!this.attached) {
      this.publish()
      return
    }
    // Either `close` sees this store and waits for the end of the commit, or the load sees that the engine is closing.
    Atomics.store(this.control, committingWord(this.slot.thread), 1)
    const isOpen = Atomics.load(this.control, STATE) < CLOSING
    if (isOpen) this.publish()
    Atomics.store(this.control, committingWord(this.slot.thread), 0)
    if (isOpen) return
    this.abort()
    throw closedError()
  }

  private publish(): void {
    this.uncommitted = 0
    if (this.relays.commit()) wake(this.control, parkedWord(homeOf(this.map.shape, this.relays.lane)))
    for (let i = 0; i < this.touchedCount; i++) {
      const lane = this.touched[i]!
      this.dirty[lane] = false
      this.writers[lane]!.commit()
      wake(this.control, parkedWord(homeOf(this.map.shape, lane)))
    }
    // Not `length = 0`, which would let go of the array's memory each time.
    this.touchedCount = 0
    this.spillways?.commit()
    // What was committed has them from here on.
    if (this.blocks.isDirty) this.blocks.commit()
  }

  /** Wakes the worker that the next event without a key goes to. Only a hint: `commit` wakes whom it must. */
  rouse(): void {
    wake(this.control, parkedWord(homeOf(this.map.shape, this.free.peek())))
  }

  /** Forgets everything written since the last commit. */
  abort(): void {
    if (this.blocks.isDirty) this.blocks.abort()
    this.relays.abort()
    this.spillways?.abort()
    for (let i = 0; i < this.touchedCount; i++) {
      const lane = this.touched[i]!
      this.writers[lane]!.resume()
      this.dirty[lane] = false
    }
    this.touchedCount = 0
    this.sequence -= this.uncommitted
    this.uncommitted = 0
  }

  /** Whether the draft could be placed in this lane now. */
  hasRoom(lane: number, draft: Draft, bytes: number): boolean {
    if ((draft.flags & IN_BLOCK) !== 0 && !this.blocks.mayFill(draft)) return false
    const isSpilling = this.isSpilling(lane)
    if (!isSpilling && this.writer(lane).hasRoom(bytes)) return true
    return (isSpilling || draft.spills) && this.spillways!.hasRoom(lane, bytes)
  }

  /** The same for a draft without a key. */
  hasFreeRoom(draft: Draft, bytes: number): boolean {
    const { first, count } = this.free
    for (let lane = first; lane < first + count; lane++) if (this.hasRoom(lane, draft, bytes)) return true
    return false
  }

  /** Says that somebody waits for room in this lane, or no longer does. */
  want(lane: number, room: boolean): void {
    if (room) this.wanted.add(lane)
    else this.wanted.delete(lane)
    this.writer(lane).want(room || this.isSpilling(lane))
    this.spillways?.want(lane, room)
  }

  /** The same for all lanes that take events without a key. */
  wantFree(room: boolean): void {
    const { first, count } = this.free
    for (let lane = first; lane < first + count; lane++) this.want(lane, room)
  }

  countDrops(events: number): void {
    this.counters.add(DROPPED_NEWEST + this.slot.depth, events)
  }

  /** Counts an event that a sample does without. */
  countSampledOut(): void {
    this.counters.add(SAMPLED_OUT + this.slot.depth, 1)
  }

  private placeFree(draft: Draft, bytes: number): number {
    const { free } = this
    // Somebody waits for a request's answer: it goes where the least is before it, and not in a run.
    let lane = (draft.flags & ASKS) === 0 ? free.take() : this.emptiestFree()
    if (this.write(lane, draft, bytes)) return lane
    for (let i = 1; i < free.count; i++) {
      lane = free.after(lane)
      if (!this.write(lane, draft, bytes)) continue
      free.turnTo(lane)
      return lane
    }
    if (!draft.spills) return NO_ROOM
    for (let i = 0; i < free.count; i++) {
      lane = free.after(lane)
      if (this.spill(lane, draft, bytes)) return lane
    }
    return NO_ROOM
  }

  /** The lane for events without a key that has the fewest bytes of this publisher: the current one, if it has none. */
  private emptiestFree(): number {
    const { free } = this
    let lane = free.current
    let emptiest = lane
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < free.count && least > 0; i++) {
      const used = this.writer(lane).usedBytes
      if (used < least) {
        least = used
        emptiest = lane
      }
      lane = free.after(lane)
    }
    return emptiest
  }

  /** Whether what has a key of this lane must go out, so as not to overtake what has. */
  private isSpilling(lane: number): boolean {
    const { spillways } = this
    if (spillways === undefined || !spillways.mayBeSpilling(lane) || lane >= this.keyedLanes) return false
    if (spillways.isSpilling(lane)) return true
    if (!this.wanted.has(lane)) this.writer(lane).want(false)
    return false
  }

  /** Writes the draft into this lane's spillway, uncommitted, if there is room. */
  private spill(lane: number, draft: Draft, bytes: number): boolean {
    this.use(USES_SPILLWAYS)
    draft.sequence = this.sequence
    if (!this.spillways!.write(lane, draft, bytes)) return false
    this.number(draft)
    // The engine's thread waits for this ring to be empty: its readers are to say so.
    this.writer(lane).want(true)
    return true
  }

  /** Where there is room; if nowhere, in the place of the oldest of one lane. */
  private overwriteFree(draft: Draft, bytes: number): void {
    const { free, relays } = this
    let lane = free.take()
    if (relays.write(lane, draft, bytes, false)) return
    for (let i = 1; i < free.count; i++) {
      lane = free.after(lane)
      if (!relays.write(lane, draft, bytes, false)) continue
      free.turnTo(lane)
      return
    }
    relays.write(free.current, draft, bytes, true)
  }

  private writer(lane: number): RingWriter {
    return this.writers[lane] ?? this.open(lane)
  }

  private number(draft: Draft): void {
    draft.sequence = this.sequence++
    this.uncommitted++
  }

  /** Before the first commit: a reader that was woken by it sees what this publisher uses. */
  private use(part: number): void {
    if ((this.active & part) !== 0) return
    this.active |= part
    Atomics.or(this.control, activeWord(this.slot), part)
    // In any case: who had this number before may have died between the two.
    Atomics.add(this.control, ACTIVATIONS, 1)
  }

  private open(lane: number): RingWriter {
    this.use(USES_RINGS)
    const writer = new RingWriter(ringPlace(this.map, this.publisher, lane))
    this.writers[lane] = writer
    return writer
  }
}
