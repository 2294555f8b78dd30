import { maxPayloadBytes, RECORD_HEADER_BYTES, recordBytes } from './layout.ts'
import {
  type LossyPlace,
  type LossyViews,
  lossyViews,
  OLDEST,
  READ,
  TAIL,
  WRITER_TALLY,
} from './lossy-place.ts'
import { Tally } from './tally.ts'
import { FULL } from './writer.ts'

/**
 * The writing end of a lossy ring: makes room by giving up the oldest unread records, and never waits.
 *
 * One thread at a time may hold it; under a lease, `resume` after taking it.
 *
 * @example
 * const at = writer.claim(5)
 * writer.bytes.set([104, 101, 108, 108, 111], at)
 * writer.commit()
 */
export class LossyWriter {
  /** The ring's data as bytes, 32-bit words and doubles; `claim` answers an offset in bytes. */
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  /** The longest payload that `claim` takes, in bytes: half the data less a header. */
  readonly maxPayloadBytes: number

  /** How many records the last claim gave up, and where the last of these lies, until it is overwritten. */
  lost = 0
  lostAt = 0
  /** Bytes for records. */
  readonly capacity: number

  private readonly views: LossyViews
  private readonly tally: Tally
  private readonly maxRecords: number
  private readonly slotMask: number
  private readonly onLost: ((at: number, end: number) => void) | undefined
  /** Numbers of records: claimed, committed, given up; and read, as far as is known. */
  private tail = 0
  private committed = 0
  private oldest = 0
  private read = 0

  /** `onLost` is told of each record that is given up, and may have been read all the same: where it lies, before it is overwritten. */
  constructor(place: LossyPlace, onLost?: (at: number, end: number) => void) {
    this.onLost = onLost
    this.views = lossyViews(place)
    this.bytes = this.views.bytes
    this.words = this.views.words
    this.doubles = this.views.doubles
    this.maxRecords = place.capacity
    this.capacity = place.dataBytes
    this.slotMask = this.views.slots.length - 1
    this.maxPayloadBytes = maxPayloadBytes(place.dataBytes)
    this.tally = new Tally(this.views.control, WRITER_TALLY, 1)
    this.resume()
  }

  /** Goes on after the last commit of this ring's writers; what was claimed and not committed is forgotten. */
  resume(): void {
    const { control } = this.views
    this.tail = Atomics.load(control, TAIL)
    this.committed = this.tail
    this.oldest = Atomics.load(control, OLDEST)
    this.read = Atomics.load(control, READ)
    this.tally.resume(this.tail)
  }

  /**
   * Reserves `length` bytes and answers their offset in `bytes`, a multiple of 8.
   *
   * Makes room by giving up the oldest unread records that were committed; `FULL` only if that is not allowed
   * (`overwrite`) or not enough. Several claims may precede one commit.
   *
   * @throws RangeError if `length` is negative, or exceeds `maxPayloadBytes`.
   */
  claim(length: number, overwrite = true): number {
    if (!(length >= 0 && length <= this.maxPayloadBytes)) {
      throw new RangeError(`A record of this ring has 0 to ${this.maxPayloadBytes} bytes, not ${length}`)
    }
    const { slots } = this.views
    this.lost = 0
    const size = recordBytes(length)
    const start = this.startOf(size)
    if (!this.makeRoom((start + size) | 0, overwrite)) return FULL
    slots[this.tail & this.slotMask] = start
    this.tail = (this.tail + 1) | 0
    slots[this.tail & this.slotMask] = (start + size) | 0
    this.tally.counts[0]!++
    const offset = start & (this.capacity - 1)
    this.words[offset >> 2] = length
    this.words[(offset >> 2) + 1] = 0
    return offset + RECORD_HEADER_BYTES
  }

  /** Makes everything claimed since the last commit visible to the reader, in one store. */
  commit(): void {
    if (this.tail === this.committed) return
    this.committed = this.tail
    this.tally.publish(this.tail)
    // Publishes slots, bytes and tally; pairs with the reader's load of TAIL.
    Atomics.store(this.views.control, TAIL, this.tail)
  }

  /** Records committed and claimed so far by all writers of this ring. */
  get written(): number {
    return this.tally.counts[0]!
  }

  /** Whether a claim of `length` bytes would succeed now without giving anything up. */
  hasRoom(length: number): boolean {
    const size = recordBytes(length)
    return length <= this.maxPayloadBytes && this.makeRoom((this.startOf(size) + size) | 0, false)
  }

  /** Whether at least so many records lie unread. */
  isHolding(records: number): boolean {
    return ((this.tail - this.floor()) | 0) >= records && this.unread >= records
  }

  /** Records that lie unread. */
  get unread(): number {
    this.read = Atomics.load(this.views.control, READ)
    return (this.tail - this.floor()) | 0
  }

  /** Whether at least so many bytes are taken by unread records. */
  isFilledTo(bytes: number): boolean {
    return this.bytesFrom(this.floor()) >= bytes && this.usedBytes >= bytes
  }

  /** Bytes that are taken. */
  get usedBytes(): number {
    this.read = Atomics.load(this.views.control, READ)
    return this.bytesFrom(this.floor())
  }

  private bytesFrom(record: number): number {
    const { slots } = this.views
    return (slots[this.tail & this.slotMask]! - slots[record & this.slotMask]!) | 0
  }

  /** Where a record of `size` bytes would start: it does not wrap, so perhaps beyond the end. */
  private startOf(size: number): number {
    const next = this.views.slots[this.tail & this.slotMask]!
    const toEnd = this.capacity - (next & (this.capacity - 1))
    return size > toEnd ? (next + toEnd) | 0 : next
  }

  /** Gives up as many records as must go, so that the next one may end at byte position `end`. */
  private makeRoom(end: number, overwrite: boolean): boolean {
    if (this.fits(this.floor(), end)) return true
    // Pairs with the reader's store of READ: what lies before it is no loss.
    this.read = Atomics.load(this.views.control, READ)
    let floor = this.floor()
    if (this.fits(floor, end)) return true
    if (!overwrite) return false
    while (!this.fits(floor, end)) {
      if (floor === this.committed) return false
      this.lose(floor)
      floor = (floor + 1) | 0
    }
    this.giveUp(floor)
    return true
  }

  /** Gives up the oldest unread record that was committed, whether or not there is room; answers false if there is none. */
  drop(): boolean {
    this.read = Atomics.load(this.views.control, READ)
    this.lost = 0
    const floor = this.floor()
    if (floor === this.committed) return false
    this.lose(floor)
    this.giveUp((floor + 1) | 0)
    return true
  }

  /** How many of the unread records that were committed are such. */
  count(isSuch: (at: number) => boolean): number {
    this.read = Atomics.load(this.views.control, READ)
    let count = 0
    for (let record = this.floor(); record !== this.committed; record = (record + 1) | 0)
      if (isSuch((this.views.slots[record & this.slotMask]! & (this.capacity - 1)) + RECORD_HEADER_BYTES))
        count++
    return count
  }

  private lose(record: number): void {
    const start = this.views.slots[record & this.slotMask]! & (this.capacity - 1)
    this.lostAt = start + RECORD_HEADER_BYTES
    this.lost++
    this.onLost?.(this.lostAt, this.lostAt + this.words[start >> 2]!)
  }

  /** All before `floor`. */
  private giveUp(floor: number): void {
    const { control } = this.views
    this.oldest = floor
    // Before any of its bytes is overwritten; pairs with the reader's load after it has copied (decision 9).
    Atomics.store(control, OLDEST, floor)
    // The fence after it: no plain store that follows is seen before OLDEST is.
    Atomics.load(control, READ)
  }

  /** The first record that must be kept. */
  private floor(): number {
    return ((this.read - this.oldest) | 0) > 0 ? this.read : this.oldest
  }

  private fits(floor: number, end: number): boolean {
    const kept = (this.tail - floor) | 0
    if (kept === 0) return true
    return kept < this.maxRecords && ((end - this.views.slots[floor & this.slotMask]!) | 0) <= this.capacity
  }
}
