import {
  CELL_HEADER_BYTES,
  cellBytes,
  HEAD,
  type LatestPlace,
  type LatestViews,
  latestViews,
  sequenceWord,
  TAIL,
} from './latest-place.ts'
import { EMPTY } from './reader.ts'

/**
 * The reading end of a table of latest values: find the next one, copy it, confirm that the copy is whole.
 *
 * One thread at a time may hold it; under a lease, `resume` after taking it.
 *
 * @example
 * for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
 *   const copy = reader.bytes.slice(at, at + reader.length)
 *   if (reader.confirm()) use(copy)
 * }
 */
export class LatestReader {
  readonly bytes: Uint8Array
  /** The longest value. */
  readonly maxValueBytes: number
  /** Of the value that `next` answered last: its length in bytes, its slot, and which of the slot's values it is. */
  length = 0
  slot = 0
  sequence = 0

  private readonly views: LatestViews
  private readonly cellBytes: number
  private readonly queueMask: number
  private head = 0
  /** Slots before this one need no look: only entries of the queue say what is unread there. */
  private sweep = 0

  /** Begins with a look at all slots: the last reader may have died with one in its hands. */
  constructor(place: LatestPlace) {
    this.views = latestViews(place)
    this.bytes = this.views.bytes
    this.maxValueBytes = place.maxValueBytes
    this.cellBytes = cellBytes(place.maxValueBytes)
    this.queueMask = this.views.queue.length - 1
    this.resume(true)
  }

  /** Goes on where the last reader stopped; `sweep` if it died, and may have passed an entry whose value it did not take. */
  resume(sweep: boolean): void {
    this.head = Atomics.load(this.views.control, HEAD)
    if (!sweep) return
    this.sweep = 0
    this.sweepToUnread()
  }

  /** Whether `next` may find a value. */
  get hasValues(): boolean {
    return Atomics.load(this.views.control, TAIL) !== this.head || this.sweepToUnread()
  }

  /** Values that lie unread, as far as they are announced. */
  get unread(): number {
    return (Atomics.load(this.views.control, TAIL) - this.head) | 0
  }

  /** The hash of the value that `next` is likely to answer: it may be another one by then. */
  get nextHash(): number | undefined {
    const { control, queue, hashes } = this.views
    const isQueued = Atomics.load(control, TAIL) !== this.head
    const slot = this.sweepToUnread() ? this.sweep : isQueued ? queue[this.head & this.queueMask]! : -1
    return slot >= 0 && this.isUnread(slot) ? hashes[slot] : undefined
  }

  /** The offset in `bytes` of the value that waits longest, or `EMPTY`. Copy it, then `confirm`. */
  next(): number {
    const { control, queue } = this.views
    if (this.sweepToUnread()) return this.look(this.sweep++)
    // Pairs with the writer's store of TAIL: the entries before it are written.
    while (Atomics.load(control, TAIL) !== this.head) {
      const slot = queue[this.head & this.queueMask]!
      this.head = (this.head + 1) | 0
      // Before the load of SEQ: a writer that comes after that load sees that the entry was passed.
      Atomics.store(control, HEAD, this.head)
      if (this.isUnread(slot)) return this.look(slot)
    }
    return EMPTY
  }

  /** Whether what was copied since `next` is whole: then it is taken. If not, a newer one is on its way. */
  confirm(): boolean {
    if (!this.isIntact()) return false
    this.take(this.slot, this.sequence)
    return true
  }

  /** Whether what was copied since `next` is whole; it is not taken yet. */
  isIntact(): boolean {
    const { control, sequences } = this.views
    // The fence: the loads of the cell come before it, the load of SEQ after it (decision 9).
    Atomics.store(control, HEAD, this.head)
    return Atomics.load(sequences, sequenceWord(this.slot)) === this.sequence
  }

  /** Says that this value was read. Again does no harm. */
  take(slot: number, sequence: number): void {
    Atomics.store(this.views.seen, slot, sequence)
  }

  private sweepToUnread(): boolean {
    while (this.sweep < this.views.seen.length && !this.isUnread(this.sweep)) this.sweep++
    return this.sweep < this.views.seen.length
  }

  private isUnread(slot: number): boolean {
    return Atomics.load(this.views.sequences, sequenceWord(slot)) !== this.views.seen[slot]
  }

  private look(slot: number): number {
    this.slot = slot
    // Pairs with the writer's store of SEQ: the cell is written.
    this.sequence = Atomics.load(this.views.sequences, sequenceWord(slot))
    const at = (2 * slot + (this.sequence & 1)) * this.cellBytes
    // If it is being overwritten, it may be anything, and `isIntact` says so.
    this.length = Math.min(Math.max(0, this.views.words[at >> 2]!), this.maxValueBytes)
    return at + CELL_HEADER_BYTES
  }
}
