import { Counters, FULL, isParked, RingWriter, wake } from '../../native-free-ring/src/index.ts'
import { closedError } from '../errors.ts'
import { type Draft, HAS_KEY, writeDraft } from '../event/record.ts'
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
  ringPlace,
  type SharedMap,
  STATE,
  THREAD_COUNTERS,
} from '../lane/map.ts'
import { DROPPED_NEWEST } from '../lane/thread-counters.ts'

/** What `place` answers when no lane has room. */
export const NO_ROOM = -1

/** Events without a key go to one lane in runs of so many, so that its reader finds batches. */
const RUN_EVENTS = 16

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
  private readonly keyedLanes: number
  private readonly freeLanes: number
  private sequence: number
  private active = false
  private freeLane: number
  private run = 0
  private readonly attached: boolean

  constructor(map: SharedMap, publisher: number) {
    this.map = map
    this.publisher = publisher
    this.slot = map.publishers[publisher]!
    const { thread } = this.slot
    this.attached = isAttached(map.shape, thread)
    this.control = new Int32Array(map.control)
    this.counters = new Counters(this.control, countersWord(thread), THREAD_COUNTERS)
    this.keyedLanes = map.shape.keyedLanes
    this.freeLanes = map.shape.freeLanes
    this.freeLane = this.keyedLanes + (thread % this.freeLanes)
    const lanes = laneCount(map.shape)
    this.writers = new Array(lanes).fill(undefined)
    this.dirty = new Array(lanes).fill(false)
    // A slot that was used before goes on with its count: sequences and the ids made of them are never reused.
    this.sequence = 0
    for (let lane = 0; lane < lanes; lane++)
      this.sequence += new RingWriter(ringPlace(map, publisher, lane)).written
  }

  /** Writes the draft, uncommitted, into the lane of its key, or into a free one; answers the lane or `NO_ROOM`. */
  place(draft: Draft, bytes: number): number {
    if ((draft.flags & HAS_KEY) === 0) return this.placeFree(draft, bytes)
    const lane = this.laneOfKey(draft.keyHash)
    return this.write(lane, draft, bytes) ? lane : NO_ROOM
  }

  laneOfKey(keyHash: number): number {
    return keyHash % this.keyedLanes
  }

  /** Writes the draft into this lane, uncommitted, if there is room. */
  write(lane: number, draft: Draft, bytes: number): boolean {
    const writer = this.writer(lane)
    const at = writer.claim(bytes)
    if (at === FULL) return false
    draft.sequence = this.sequence++
    writeDraft(writer, at, draft)
    if (!this.dirty[lane]) {
      this.dirty[lane] = true
      this.touched[this.touchedCount++] = lane
    }
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
    for (let i = 0; i < this.touchedCount; i++) {
      const lane = this.touched[i]!
      this.dirty[lane] = false
      this.writers[lane]!.commit()
      wake(this.control, parkedWord(homeOf(this.map.shape, lane)))
    }
    // Not `length = 0`, which would let go of the array's memory each time.
    this.touchedCount = 0
  }

  /** Wakes the worker that the next event without a key goes to. Only a hint: `commit` wakes whom it must. */
  rouse(): void {
    if (this.run <= 0) this.beginRun()
    wake(this.control, parkedWord(homeOf(this.map.shape, this.freeLane)))
  }

  /** Forgets everything written since the last commit. */
  abort(): void {
    for (let i = 0; i < this.touchedCount; i++) {
      const lane = this.touched[i]!
      const writer = this.writers[lane]!
      const before = writer.written
      writer.resume()
      this.sequence -= before - writer.written
      this.dirty[lane] = false
    }
    this.touchedCount = 0
  }

  hasRoom(lane: number, bytes: number): boolean {
    return this.writer(lane).hasRoom(bytes)
  }

  hasFreeRoom(bytes: number): boolean {
    for (let i = 0; i < this.freeLanes; i++) if (this.hasRoom(this.keyedLanes + i, bytes)) return true
    return false
  }

  /** Says that somebody waits for room in this lane, or no longer does. */
  want(lane: number, room: boolean): void {
    this.writer(lane).want(room)
  }

  /** The same for all lanes that take events without a key. */
  wantFree(room: boolean): void {
    for (let i = 0; i < this.freeLanes; i++) this.want(this.keyedLanes + i, room)
  }

  countDrops(events: number): void {
    this.counters.add(DROPPED_NEWEST + this.slot.depth, events)
  }

  private placeFree(draft: Draft, bytes: number): number {
    if (this.run <= 0) this.beginRun()
    this.run--
    if (this.write(this.freeLane, draft, bytes)) return this.freeLane
    for (let i = 1; i < this.freeLanes; i++) {
      this.freeLane = this.keyedLanes + ((this.freeLane - this.keyedLanes + 1) % this.freeLanes)
      if (this.write(this.freeLane, draft, bytes)) {
        this.run = RUN_EVENTS
        return this.freeLane
      }
    }
    return NO_ROOM
  }

  /** The next lane in turn, unless a worker is parked: then one of its lanes. */
  private beginRun(): void {
    this.run = RUN_EVENTS
    const { shape } = this.map
    const next = (this.freeLane - this.keyedLanes + 1) % this.freeLanes
    for (let i = 0; i < shape.workers && i < this.freeLanes; i++) {
      const lane = this.keyedLanes + ((next + i) % this.freeLanes)
      if (isParked(this.control, parkedWord(homeOf(shape, lane)))) {
        this.freeLane = lane
        return
      }
    }
    this.freeLane = this.keyedLanes + next
  }

  private writer(lane: number): RingWriter {
    return this.writers[lane] ?? this.open(lane)
  }

  private open(lane: number): RingWriter {
    if (!this.active) {
      this.active = true
      // Before the first commit: a reader that was woken by it sees that this publisher's rings are in use.
      Atomics.store(this.control, activeWord(this.slot), 1)
      Atomics.add(this.control, ACTIVATIONS, 1)
    }
    const writer = new RingWriter(ringPlace(this.map, this.publisher, lane))
    this.writers[lane] = writer
    return writer
  }
}
