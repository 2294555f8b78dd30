import {
  CELL_HEADER_BYTES,
  cellBytes,
  HEAD,
  type LatestPlace,
  type LatestViews,
  latestViews,
  TAIL,
} from './latest-place.ts'
import { EMPTY } from './reader.ts'

/**
 * The reading end of a table of latest values: find the next one, copy it, confirm that the copy is whole.
 *
 * One thread may hold it.
 *
 * @example
 * for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
 *   const copy = reader.bytes.slice(at, at + reader.length)
 *   if (reader.confirm()) use(copy)
 * }
 */
export class LatestReader {
  readonly bytes: Uint8Array
  /** Length in bytes of the value that `next` answered last. */
  length = 0

  private readonly views: LatestViews
  private readonly cellBytes: number
  private readonly maxValueBytes: number
  private readonly queueMask: number
  private head: number
  private slot = 0
  private sequence = 0

  constructor(place: LatestPlace) {
    this.views = latestViews(place)
    this.bytes = this.views.bytes
    this.maxValueBytes = place.maxValueBytes
    this.cellBytes = cellBytes(place.maxValueBytes)
    this.queueMask = this.views.queue.length - 1
    this.head = Atomics.load(this.views.control, HEAD)
  }

  /** Whether `next` may find a value. */
  get hasValues(): boolean {
    return Atomics.load(this.views.control, TAIL) !== this.head
  }

  /** The offset in `bytes` of the value that waits longest, or `EMPTY`. Copy it, then `confirm`. */
  next(): number {
    const { control, sequences, seen, queue, words } = this.views
    // Pairs with the writer's store of TAIL: the entries before it are written.
    while (Atomics.load(control, TAIL) !== this.head) {
      this.slot = queue[this.head & this.queueMask]!
      this.head = (this.head + 1) | 0
      // Before the load of SEQ: a writer that comes after that load sees that the entry was passed.
      Atomics.store(control, HEAD, this.head)
      // Pairs with the writer's store of SEQ: the cell is written.
      this.sequence = Atomics.load(sequences, this.slot)
      if (this.sequence === seen[this.slot]) continue
      const at = (2 * this.slot + (this.sequence & 1)) * this.cellBytes
      // If it is being overwritten, it may be anything, and `confirm` says so.
      this.length = Math.min(Math.max(0, words[at >> 2]!), this.maxValueBytes)
      return at + CELL_HEADER_BYTES
    }
    return EMPTY
  }

  /** Whether what was copied since `next` is whole: then it is taken. If not, a newer one is on its way. */
  confirm(): boolean {
    const { control, sequences, seen } = this.views
    // The fence: the loads of the cell come before it, the load of SEQ after it (decision 9).
    Atomics.store(control, HEAD, this.head)
    if (Atomics.load(sequences, this.slot) !== this.sequence) return false
    Atomics.store(seen, this.slot, this.sequence)
    return true
  }

  /** How many values lie unread: looks at all slots. */
  countPending(): number {
    const { sequences, seen } = this.views
    let pending = 0
    for (let slot = 0; slot < seen.length; slot++) {
      if (Atomics.load(sequences, slot) !== seen[slot]) pending++
    }
    return pending
  }
}
