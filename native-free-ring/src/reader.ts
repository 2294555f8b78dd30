import {
  CONTROL_BYTES,
  checkPlace,
  HEAD,
  MAX_READER_COUNTERS,
  READER_TALLY,
  RECORD_HEADER_BYTES,
  type RingPlace,
  recordBytes,
  TAIL,
  WANTED,
  WANTED_AT,
} from './layout.ts'
import { Tally } from './tally.ts'

/** What `next` answers when everything that was prefetched has been read. */
export const EMPTY = -1

/**
 * The reading end of a ring: prefetch, step through the records in place, release what is done with.
 *
 * One thread at a time may hold it; under a lease, `resume` after taking it. The bytes of a record stay as they are
 * until they are released, however much later that is.
 *
 * @example
 * const reader = new RingReader(place)
 * reader.prefetch()
 * for (let at = reader.next(); at !== EMPTY; at = reader.next()) use(reader.bytes, at, reader.length)
 * reader.release(reader.position)
 */
export class RingReader {
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  /** Where the next record starts: release up to here once all records before it are done with. */
  position: number
  /** Length in bytes of the payload that `next` answered last. */
  length = 0
  /** Counts that are published with the next release, in the same store as the cursor. */
  readonly counts: Float64Array

  private readonly control: Int32Array
  private readonly tally: Tally
  private readonly mask: number
  private tail: number
  private head: number

  /** `counters`: how many counts, up to 7, the reader keeps together with its cursor. */
  constructor(place: RingPlace, counters = 1) {
    checkPlace(place)
    if (counters > MAX_READER_COUNTERS) throw new RangeError(`At most 7 counters, not ${counters}`)
    this.mask = place.capacity - 1
    this.control = new Int32Array(place.buffer, place.controlOffset, CONTROL_BYTES / 4)
    this.bytes = new Uint8Array(place.buffer, place.dataOffset, place.capacity)
    this.words = new Int32Array(place.buffer, place.dataOffset, place.capacity / 4)
    this.doubles = new Float64Array(place.buffer, place.dataOffset, place.capacity / 8)
    this.tally = new Tally(this.control, READER_TALLY, counters)
    this.counts = this.tally.counts
    this.position = 0
    this.tail = 0
    this.head = 0
    this.resume()
  }

  /** Goes on after the last release of another reader: call it each time the lease was taken. */
  resume(): void {
    this.head = Atomics.load(this.control, HEAD)
    this.position = this.head
    this.tail = this.head
    this.tally.resume(this.head)
  }

  /** Looks for news and answers how many bytes are readable. What was prefetched before stays readable. */
  prefetch(): number {
    // Pairs with the writer's store of TAIL: all bytes before it are written.
    this.tail = Atomics.load(this.control, TAIL)
    return (this.tail - this.position) | 0
  }

  /**
   * Steps to the next prefetched record and answers the offset of its payload in `bytes`, or `EMPTY`.
   * Its length is in `length` afterwards.
   */
  next(): number {
    while (this.position !== this.tail) {
      const offset = this.position & this.mask
      const length = this.words[offset >> 2]!
      if (length >= 0) {
        this.position = (this.position + recordBytes(length)) | 0
        this.length = length
        return offset + RECORD_HEADER_BYTES
      }
      this.position = (this.position - length) | 0
    }
    return EMPTY
  }

  /** The length of the record that `next` would step to; -1 if nothing is prefetched. */
  peekLength(): number {
    const { position } = this
    const at = this.next()
    this.position = position
    return at === EMPTY ? -1 : this.length
  }

  /**
   * Gives everything before `position` back to the writer, and publishes `counts` with it.
   *
   * Answers whether the writer waits and has half the ring free now, so that the caller can wake its thread.
   */
  release(position: number): boolean {
    if (position === this.head) return false
    this.head = position
    this.tally.publish(position)
    // Publishes the tally, and that no byte before `position` is read any more; pairs with the load in claim.
    Atomics.store(this.control, HEAD, position)
    // After the store of HEAD: either this load sees WANTED, or the writer's second try sees the new HEAD.
    if (Atomics.load(this.control, WANTED) === 0) return false
    return ((position - this.control[WANTED_AT]!) | 0) >= 0
  }
}
