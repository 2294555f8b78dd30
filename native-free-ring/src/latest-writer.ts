import { readCounter, storeCounter } from './counters.ts'
import {
  CELL_HEADER_BYTES,
  cellBytes,
  HEAD,
  type LatestPlace,
  type LatestViews,
  latestViews,
  REPLACED,
  REPLACED_BY,
  sequenceWord,
  TAIL,
} from './latest-place.ts'

/** A key's slot is one of its two buckets of so many. */
const BUCKET = 16

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
  /** The cells as bytes, 32-bit words and doubles; `claim` answers an offset in bytes. */
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly maxValueBytes: number

  /** 1 if the last claim replaces a value that was not read, and where that lies, until the next claim. */
  lost = 0
  lostAt = 0
  lostEnd = 0

  private readonly views: LatestViews
  private readonly bucket: number
  private readonly buckets: number
  private readonly cellBytes: number
  private readonly queueMask: number
  private tail = 0
  /** The slot that is claimed, or -1. */
  private slot = -1

  constructor(place: LatestPlace) {
    this.views = latestViews(place)
    this.bytes = this.views.bytes
    this.words = this.views.words
    this.doubles = this.views.doubles
    this.maxValueBytes = place.maxValueBytes
    this.bucket = Math.min(BUCKET, place.slots)
    this.buckets = Math.floor(place.slots / this.bucket)
    this.cellBytes = cellBytes(place.maxValueBytes)
    this.queueMask = this.views.queue.length - 1
    this.resume()
  }

  /** Goes on after the last commit of this table's writers; what was claimed and not committed is forgotten. */
  resume(): void {
    this.tail = Atomics.load(this.views.control, TAIL)
    this.slot = -1
  }

  /** Announces what a writer that died in `commit` has written and not announced. */
  repair(): void {
    const { control, seen, hashes } = this.views
    const head = Atomics.load(control, HEAD)
    for (let slot = 0; slot < seen.length; slot++) {
      hashes[slot] = this.words[(this.cell(slot, this.sequence(slot)) >> 2) + 1]!
      if (this.isUnread(slot) && !this.isQueued(slot, head)) this.announce(slot)
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
    this.lost = this.isUnread(this.slot) ? 1 : 0
    this.lostAt = this.cell(this.slot, this.sequence(this.slot)) + CELL_HEADER_BYTES
    this.lostEnd = this.lostAt + this.words[(this.lostAt - CELL_HEADER_BYTES) >> 2]!
    const at = this.cell(this.slot, this.sequence(this.slot) + 1)
    this.words[at >> 2] = length
    this.words[(at >> 2) + 1] = hash
    return at + CELL_HEADER_BYTES
  }

  /** Makes the claimed value the key's latest. Say `forget` once what it has replaced is dealt with. */
  commit(): void {
    const { control, sequences, hashes } = this.views
    const { slot } = this
    if (slot < 0) return
    this.slot = -1
    const word = sequenceWord(slot)
    const sequence = readCounter(sequences, word, 0) + 1
    hashes[slot] = this.words[(this.cell(slot, sequence) >> 2) + 1]!
    if (this.lost > 0) {
      control[REPLACED_BY] = sequence | 0
      control[REPLACED] = slot + 1
    }
    // Publishes the cell; pairs with the reader's load of SEQ after its store of HEAD.
    storeCounter(sequences, word, 0, sequence)
    // After the store of SEQ: either this load sees that the entry was passed, or the reader sees the new value.
    if (!this.isQueued(slot, Atomics.load(control, HEAD))) this.announce(slot)
  }

  /** What the last commit has replaced is dealt with. */
  forget(): void {
    this.views.control[REPLACED] = 0
  }

  /**
   * Whether the last writer died after a `commit`, before `forget`: then `lostAt` and `lostEnd` say where lies what that replaced. Before anything else is
   * claimed.
   */
  hasReplaced(): boolean {
    const { control } = this.views
    const slot = control[REPLACED]! - 1
    // Else it died before that commit.
    if (slot < 0 || this.sequence(slot) !== control[REPLACED_BY]) return false
    this.lostAt = this.cell(slot, this.sequence(slot) - 1) + CELL_HEADER_BYTES
    this.lostEnd = this.lostAt + this.words[(this.lostAt - CELL_HEADER_BYTES) >> 2]!
    return true
  }

  /** Values that lie unread, as far as they are announced. */
  get unread(): number {
    return (this.tail - Atomics.load(this.views.control, HEAD)) | 0
  }

  /** Bytes that values may take at most, and that those may take which lie unread. */
  get capacity(): number {
    return this.views.seen.length * this.maxValueBytes
  }

  get usedBytes(): number {
    return this.unread * this.maxValueBytes
  }

  isFilledTo(bytes: number): boolean {
    return this.usedBytes >= bytes
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

  /** The slot of the key; else one with nothing unread, where most are free; else the one that waits longest. */
  private slotFor(hash: number, isSame: (at: number) => boolean): number {
    const { bucket, buckets } = this
    // Mixed (by lowbias32 of Chris Wellons): who chose this table may have done so by bits of the hash, which then say nothing more.
    const half = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
    const mixed = half ^ (half >>> 15)
    const whole = Math.imul(mixed, 0x846ca68b)
    const first = ((mixed >>> 0) % buckets) * bucket
    const second = (((whole ^ (whole >>> 16)) >>> 0) % buckets) * bucket
    const same = this.find(first, hash, isSame)
    if (same >= 0) return same
    const other = second === first ? -1 : this.find(second, hash, isSame)
    if (other >= 0) return other
    const free = this.countFree(first)
    // Keys go to the emptier of two buckets, so hardly any is full before all are.
    const start = 2 * free >= bucket || free >= this.countFree(second) ? first : second
    for (let slot = start; slot < start + bucket; slot++) if (!this.isUnread(slot)) return slot
    return this.eldest(this.eldest(first, first), second)
  }

  private find(start: number, hash: number, isSame: (at: number) => boolean): number {
    const { hashes } = this.views
    for (let slot = start; slot < start + this.bucket; slot++) {
      if (hashes[slot] !== hash || !this.isUnread(slot)) continue
      if (isSame(this.cell(slot, this.sequence(slot)) + CELL_HEADER_BYTES)) return slot
    }
    return -1
  }

  /** Up to half a bucket: that is enough. */
  private countFree(start: number): number {
    let free = 0
    for (let slot = start; slot < start + this.bucket && 2 * free < this.bucket; slot++) {
      if (!this.isUnread(slot)) free++
    }
    return free
  }

  /** Of `slot` and those of a bucket, the one whose entry in the queue is the oldest. */
  private eldest(slot: number, start: number): number {
    const { queued } = this.views
    let eldest = slot
    for (let other = start; other < start + this.bucket; other++) {
      if (((queued[other]! - queued[eldest]!) | 0) < 0) eldest = other
    }
    return eldest
  }

  private isUnread(slot: number): boolean {
    // Pairs with the reader's store: it is done with the slot.
    return Atomics.load(this.views.seen, slot) !== this.sequence(slot)
  }

  /** The low word of the slot's count of values. */
  private sequence(slot: number): number {
    return this.views.sequences[sequenceWord(slot)]!
  }

  private cell(slot: number, sequence: number): number {
    return (2 * slot + (sequence & 1)) * this.cellBytes
  }
}
