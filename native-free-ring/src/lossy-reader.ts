import { RECORD_HEADER_BYTES } from './layout.ts'
import {
  CHECK,
  type LossyPlace,
  type LossyViews,
  lossyViews,
  MISSED,
  OLDEST,
  READ,
  READER_COUNTS,
  READER_TALLY,
  TAIL,
  TAKEN,
} from './lossy-place.ts'
import { EMPTY } from './reader.ts'
import { Tally } from './tally.ts'

/**
 * The reading end of a lossy ring: find the next record, copy it, confirm that the copy is whole, release.
 *
 * One thread at a time may hold it; under a lease, `resume` after taking it.
 *
 * @example
 * for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
 *   const copy = reader.bytes.slice(at, at + reader.length)
 *   if (reader.confirm()) use(copy)
 * }
 * reader.release()
 */
export class LossyReader {
  readonly bytes: Uint8Array
  /** Length in bytes of the record that `next` answered last. */
  length = 0

  private readonly views: LossyViews
  private readonly tally: Tally
  private readonly slotMask: number
  private readonly dataMask: number
  /** The number of the next record. */
  position = 0
  /** What was released, and what there is as far as is known. */
  private released = 0
  private tail = 0

  constructor(place: LossyPlace) {
    this.views = lossyViews(place)
    this.bytes = this.views.bytes
    this.slotMask = this.views.slots.length - 1
    this.dataMask = place.dataBytes - 1
    this.tally = new Tally(this.views.control, READER_TALLY, READER_COUNTS)
    this.resume()
  }

  /** Goes on after the last release of this ring's readers. */
  resume(): void {
    this.position = Atomics.load(this.views.control, READ)
    this.released = this.position
    this.tail = this.position
    this.tally.resume(this.position)
  }

  /** Goes on at a position that is kept elsewhere, with what was missed before it, and releases up to there. */
  resumeAt(position: number, missed: number): void {
    this.resume()
    this.position = position
    this.tail = position
    this.tally.counts[MISSED] = missed
    this.release()
  }

  /** Records taken, and records that were overwritten before they could be, by all readers up to now. */
  get taken(): number {
    return this.tally.counts[TAKEN]!
  }

  get missed(): number {
    return this.tally.counts[MISSED]!
  }

  /** Whether `next` would find a record. */
  get hasRecords(): boolean {
    return Atomics.load(this.views.control, TAIL) !== this.position
  }

  /** The offset in `bytes` of the oldest record that is left, or `EMPTY`. Copy it, then `confirm`. */
  next(): number {
    const { control, slots, words } = this.views
    for (;;) {
      if (((this.tail - this.position) | 0) <= 0) {
        // Pairs with the writer's store of TAIL: slots and bytes of all before it are written.
        this.tail = Atomics.load(control, TAIL)
        if (this.tail === this.position) return EMPTY
      }
      const behind = (Atomics.load(control, OLDEST) - this.position) | 0
      if (behind > 0) {
        this.tally.counts[MISSED]! += behind
        this.position = (this.position + behind) | 0
        continue
      }
      const offset = slots[this.position & this.slotMask]! & this.dataMask
      const length = words[offset >> 2]!
      // Else what was read as a length may be anything.
      if (!this.isIntact()) continue
      this.length = length
      return offset + RECORD_HEADER_BYTES
    }
  }

  /**
   * Whether what was copied since `next` is whole: then it is taken. If not, it was overwritten meanwhile, and the next
   * `next` goes on with the oldest that is left.
   */
  confirm(): boolean {
    if (!this.isIntact()) return false
    this.tally.counts[TAKEN]!++
    this.position = (this.position + 1) | 0
    return true
  }

  /** Says that everything taken is done with: only what comes after it counts as unread. */
  release(): void {
    if (this.position === this.released) return
    this.released = this.position
    this.tally.publish(this.position)
    // Publishes the tally; pairs with the writer's load of READ.
    Atomics.store(this.views.control, READ, this.position)
  }

  private isIntact(): boolean {
    const { control } = this.views
    // The fence: the loads of slot and bytes come before it, the load of OLDEST after it (decision 9).
    Atomics.store(control, CHECK, this.position)
    // Pairs with the writer's store of OLDEST before it overwrites.
    return ((Atomics.load(control, OLDEST) - this.position) | 0) <= 0
  }
}
