import {
  CELL_HEADER_BYTES,
  cellBytes,
  HEAD,
  type LatestPlace,
  type LatestViews,
  latestViews,
  TAIL,
} from './latest-place.ts'

/** How many slots may hold a key. */
const WINDOW = 16

/**
 * The writing end of a table of latest values: a new value of a key replaces the one that has not been read.
 *
 * One thread at a time may hold it; under a lease, `resume` after taking it, and `repair` if the last holder died.
 *
 * @example
 * const at = writer.claim(hash, 5, (at) => keyAt(writer.bytes, at) === key)
 * writer.bytes.set([104, 101, 108, 108, 111], at)
 * writer.commit()
 */
export class LatestWriter {
  readonly bytes: Uint8Array
  readonly maxValueBytes: number

  private readonly views: LatestViews
  private readonly slots: number
  private readonly cellBytes: number
  private readonly queueMask: number
  private tail = 0
  /** The slot that is claimed. */
  private slot = 0

  constructor(place: LatestPlace) {
    this.views = latestViews(place)
    this.bytes = this.views.bytes
    this.maxValueBytes = place.maxValueBytes
    this.slots = place.slots
    this.cellBytes = cellBytes(place.maxValueBytes)
    this.queueMask = this.views.queue.length - 1
    this.resume()
  }

  /** Goes on after the last commit of this table's writers. */
  resume(): void {
    this.tail = Atomics.load(this.views.control, TAIL)
  }

  /** Announces what a writer that died in `commit` has written and not announced. */
  repair(): void {
    const { sequences, seen } = this.views
    const head = Atomics.load(this.views.control, HEAD)
    for (let slot = 0; slot < this.slots; slot++) {
      if (sequences[slot] === Atomics.load(seen, slot) || this.isQueued(slot, head)) continue
      this.announce(slot)
    }
  }

  /**
   * Reserves `length` bytes for the key's next value and answers their offset in `bytes`, a multiple of 8.
   *
   * `isSame` says whether the value at an offset belongs to the same key; it is asked for values of the same hash. Never
   * full: if the slots for this hash all hold other keys' unread values, the one that waits longest is given up.
   *
   * @throws RangeError if `length` is negative, or exceeds `maxValueBytes`.
   */
  claim(hash: number, length: number, isSame: (at: number) => boolean): number {
    if (!(length >= 0 && length <= this.maxValueBytes)) {
      throw new RangeError(`A value of this table has 0 to ${this.maxValueBytes} bytes, not ${length}`)
    }
    this.slot = this.slotFor(hash | 0, isSame)
    const at = this.cell(this.slot, this.views.sequences[this.slot]! + 1)
    this.views.words[at >> 2] = length
    this.views.words[(at >> 2) + 1] = hash
    return at + CELL_HEADER_BYTES
  }

  /** Makes the claimed value the key's latest. */
  commit(): void {
    const { control, sequences } = this.views
    const { slot } = this
    // Publishes the cell; pairs with the reader's load of SEQ after its store of HEAD.
    Atomics.store(sequences, slot, (sequences[slot]! + 1) | 0)
    // After the store of SEQ: either this load sees that the entry was passed, or the reader sees the new value.
    if (!this.isQueued(slot, Atomics.load(control, HEAD))) this.announce(slot)
  }

  private announce(slot: number): void {
    const { control, queue, queued } = this.views
    queue[this.tail & this.queueMask] = slot
    this.tail = (this.tail + 1) | 0
    queued[slot] = this.tail
    // Publishes the entry; pairs with the reader's load of TAIL.
    Atomics.store(control, TAIL, this.tail)
  }

  /** Whether the queue holds an entry for the slot that HEAD has not passed. */
  private isQueued(slot: number, head: number): boolean {
    const { queue, queued } = this.views
    const entry = queued[slot]!
    if (((entry - head) | 0) <= 0 || ((entry - this.tail) | 0) > 0) return false
    // Else it was meant for an entry that its writer did not live to commit, and that another slot has got.
    return queue[(entry - 1) & this.queueMask] === slot
  }

  /** The slot of the key; else one with nothing unread; else the one that waits longest. */
  private slotFor(hash: number, isSame: (at: number) => boolean): number {
    const { sequences, seen, words, queued } = this.views
    const first = (hash >>> 0) % this.slots
    const window = Math.min(WINDOW, this.slots)
    let free = -1
    let eldest = first
    for (let i = 0; i < window; i++) {
      const slot = (first + i) % this.slots
      const sequence = sequences[slot]!
      const at = this.cell(slot, sequence)
      // Pairs with the reader's store: it is done with the slot.
      if (Atomics.load(seen, slot) === sequence) {
        if (free < 0) free = slot
      } else if (words[(at >> 2) + 1] === hash && isSame(at + CELL_HEADER_BYTES)) {
        return slot
      } else if (((queued[slot]! - queued[eldest]!) | 0) < 0) {
        eldest = slot
      }
    }
    return free < 0 ? eldest : free
  }

  private cell(slot: number, sequence: number): number {
    return (2 * slot + (sequence & 1)) * this.cellBytes
  }
}
