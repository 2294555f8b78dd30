import {
  CONTROL_BYTES,
  checkPlace,
  HEAD,
  READER_TALLY,
  type RingPlace,
  TAIL,
  WRITER_TALLY,
} from './layout.ts'
import { readTally } from './tally.ts'

/**
 * Looks at a ring from outside, from any thread: how full it is and what its two ends have counted.
 */
export class RingGauge {
  private readonly control: Int32Array
  private readonly written: Float64Array
  private readonly counts: Float64Array
  /** The cursors that the last counts belong to. */
  private tail = 0
  private head = 0

  /** `counters` of the reader, `writerCounters` of the writer. */
  constructor(place: RingPlace, counters = 1, writerCounters = 1) {
    checkPlace(place)
    this.control = new Int32Array(place.buffer, place.controlOffset, CONTROL_BYTES / 4)
    this.counts = new Float64Array(counters)
    this.written = new Float64Array(writerCounters)
  }

  /** Nothing is waiting between the two cursors. */
  get isEmpty(): boolean {
    // HEAD first: it can only have come closer to the TAIL that is loaded after it.
    const head = Atomics.load(this.control, HEAD)
    return Atomics.load(this.control, TAIL) === head
  }

  /** Bytes between the cursors, headers and padding included. */
  get usedBytes(): number {
    const head = Atomics.load(this.control, HEAD)
    return (Atomics.load(this.control, TAIL) - head) | 0
  }

  /** Records committed. */
  committed(): number {
    this.tail = readTally(this.control, TAIL, WRITER_TALLY, this.written)
    return this.written[0]!
  }

  /** The writer's counts as of the last `committed`. */
  get writerCounts(): Float64Array {
    return this.written
  }

  /** The reader's counts as of its last release. The array is reused by the next call. */
  released(): Float64Array {
    this.head = readTally(this.control, HEAD, READER_TALLY, this.counts)
    return this.counts
  }

  /** Whether the writer has committed anything since the last `committed`. */
  get hasMoved(): boolean {
    return Atomics.load(this.control, TAIL) !== this.tail
  }

  /**
   * Whether `released` (of all its counts, `total`) and `committed`, as they answered last, agree with the cursors they
   * belong to: as many exactly if nothing lies between. A record that was passed over uncounted would show here.
   */
  agrees(total: number): boolean {
    const between = (this.tail - this.head) | 0
    return between === 0 ? this.written[0] === total : this.written[0]! > total
  }
}
