import {
  CONTROL_BYTES,
  checkPlace,
  HEAD,
  MAX_WRITER_COUNTERS,
  maxPayloadBytes,
  RECORD_HEADER_BYTES,
  type RingPlace,
  recordBytes,
  TAIL,
  WANTED,
  WANTED_AT,
  WRITER_TALLY,
} from './layout.ts'
import { Tally } from './tally.ts'

/** What `claim` answers when there is no room now. */
export const FULL = -1

/**
 * The writing end of a ring: claim, fill in the bytes, then commit or abort.
 *
 * One thread at a time may hold it. A new writer in place of a dead one goes on after the last commit; what was
 * claimed and not committed never existed.
 *
 * @example
 * const writer = new RingWriter(allocateRing(65_536))
 * const at = writer.claim(5)
 * if (at !== FULL) {
 *   writer.bytes.set([104, 101, 108, 108, 111], at)
 *   writer.commit()
 * }
 */
export class RingWriter {
  /** The ring's data as bytes, 32-bit words and doubles; `claim` answers an offset in bytes. */
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  /** The longest payload that `claim` takes, in bytes: half the ring less a header. */
  readonly maxPayloadBytes: number
  /** Counts that are published with the next commit, in the same store as the cursor; the first is of records. */
  readonly counts: Float64Array

  private readonly control: Int32Array
  private readonly tally: Tally
  /** Bytes of the ring. */
  readonly capacity: number
  private readonly mask: number
  private next: number
  private tail: number
  private head: number
  private lastBytes = 0

  /** `counters`: how many counts, up to 6, the writer keeps together with its cursor. */
  constructor(place: RingPlace, counters = 1) {
    checkPlace(place)
    if (counters > MAX_WRITER_COUNTERS) throw new RangeError(`At most 6 counters, not ${counters}`)
    this.capacity = place.capacity
    this.mask = place.capacity - 1
    this.maxPayloadBytes = maxPayloadBytes(place.capacity)
    this.control = new Int32Array(place.buffer, place.controlOffset, CONTROL_BYTES / 4)
    this.bytes = new Uint8Array(place.buffer, place.dataOffset, place.capacity)
    this.words = new Int32Array(place.buffer, place.dataOffset, place.capacity / 4)
    this.doubles = new Float64Array(place.buffer, place.dataOffset, place.capacity / 8)
    this.tally = new Tally(this.control, WRITER_TALLY, counters)
    this.counts = this.tally.counts
    this.next = 0
    this.tail = 0
    this.head = 0
    this.resume()
  }

  /**
   * Goes on after the last commit of another writer of this ring, when several writers take turns under a lease.
   * What this end had claimed and not committed is forgotten.
   */
  resume(): void {
    this.tail = Atomics.load(this.control, TAIL)
    this.head = Atomics.load(this.control, HEAD)
    this.next = this.tail
    this.lastBytes = 0
    this.tally.resume(this.tail)
  }

  /**
   * Reserves `length` bytes and answers their offset in `bytes` (a multiple of 8), or `FULL`.
   *
   * Several claims may precede one commit. Nothing is visible to the reader before that commit.
   *
   * @throws RangeError if `length` is negative, or exceeds `maxPayloadBytes`: it would never fit.
   */
  claim(length: number): number {
    if (!(length >= 0 && length <= this.maxPayloadBytes)) {
      throw new RangeError(wrongLength(length, this.maxPayloadBytes))
    }
    const size = recordBytes(length)
    if (!this.fits(size)) return FULL
    const start = this.next
    let offset = start & this.mask
    const toEnd = this.capacity - offset
    if (size > toEnd) {
      this.words[offset >> 2] = -toEnd
      this.next = (this.next + toEnd) | 0
      offset = 0
    }
    this.words[offset >> 2] = length
    this.words[(offset >> 2) + 1] = 0
    this.next = (this.next + size) | 0
    // With its padding, which must not be committed alone either.
    this.lastBytes = (this.next - start) | 0
    this.counts[0]!++
    return offset + RECORD_HEADER_BYTES
  }

  /** Makes everything claimed since the last commit visible to the reader, in one store. */
  commit(): void {
    // Else both blocks of the tally would carry the stamp of the cursor that readers see, while one is being written.
    if (this.next === this.tail) return
    this.tail = this.next
    this.tally.publish(this.next)
    // Publishes the tally and all plain stores to the claimed records; pairs with the reader's load of TAIL.
    Atomics.store(this.control, TAIL, this.next)
    this.lastBytes = 0
  }

  /** Takes back the last claim, if it was not committed. */
  abort(): void {
    if (this.lastBytes === 0) return
    this.next = (this.next - this.lastBytes) | 0
    this.lastBytes = 0
    this.counts[0]!--
  }

  /**
   * Says whether the writer waits for room. Set it, try once more, and only then park.
   *
   * The reader wakes it when half the ring is free: waking it for each record would cost more than the record.
   */
  want(room: boolean): void {
    if (room) this.control[WANTED_AT] = (this.next - (this.capacity >> 1)) | 0
    // Stored before the second try loads HEAD; pairs with the reader's load of WANTED after its store of HEAD.
    Atomics.store(this.control, WANTED, room ? 1 : 0)
  }

  /** Records committed and claimed so far by all writers of this ring. */
  get written(): number {
    return this.counts[0]!
  }

  /** Whether a claim of `length` bytes would succeed now. */
  hasRoom(length: number): boolean {
    return length <= this.maxPayloadBytes && this.fits(recordBytes(length))
  }

  /** Whether at least so many bytes are taken, by what is claimed and not released. */
  isFilledTo(bytes: number): boolean {
    return ((this.next - this.head) | 0) >= bytes && this.usedBytes >= bytes
  }

  /** Bytes that are taken. */
  get usedBytes(): number {
    this.head = Atomics.load(this.control, HEAD)
    return (this.next - this.head) | 0
  }

  private fits(size: number): boolean {
    const toEnd = this.capacity - (this.next & this.mask)
    const needed = size > toEnd ? size + toEnd : size
    if (needed <= this.capacity - ((this.next - this.head) | 0)) return true
    // Pairs with the reader's store of HEAD: bytes before it are no longer read.
    this.head = Atomics.load(this.control, HEAD)
    return needed <= this.capacity - ((this.next - this.head) | 0)
  }
}

function wrongLength(length: number, limit: number): string {
  return `A record of this ring has 0 to ${limit} bytes, which half of it can hold, not ${length}`
}
