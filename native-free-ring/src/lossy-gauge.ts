import {
  type LossyPlace,
  lossyViews,
  MISSED,
  OLDEST,
  READ,
  READER_COUNTS,
  READER_TALLY,
  TAIL,
  TAKEN,
  WRITER_TALLY,
} from './lossy-place.ts'
import { readTally } from './tally.ts'

/** At every moment: written = taken + dropped + pending. */
export type LossyCounts = { written: number; taken: number; dropped: number; pending: number }

/** Looks at a lossy ring from outside, from any thread. */
export class LossyGauge {
  private readonly control: Int32Array
  private readonly writer = new Float64Array(1)
  private readonly reader = new Float64Array(READER_COUNTS)

  constructor(place: LossyPlace) {
    this.control = lossyViews(place).control
  }

  /** Nothing lies unread. */
  get isEmpty(): boolean {
    // READ first: it can only have come closer to the TAIL that is loaded after it.
    const read = Atomics.load(this.control, READ)
    return Atomics.load(this.control, TAIL) === read
  }

  /** Of one moment: counted again if the reader has released meanwhile. */
  counts(): LossyCounts {
    for (;;) {
      const read = readTally(this.control, READ, READER_TALLY, this.reader)
      const tail = readTally(this.control, TAIL, WRITER_TALLY, this.writer)
      // After TAIL, which it may have passed since: what is left of the records up to TAIL is never more than fits.
      const oldest = Atomics.load(this.control, OLDEST)
      const unread = (tail - read) | 0
      const lost = Math.min(Math.max(0, (oldest - read) | 0), unread)
      if (Atomics.load(this.control, READ) !== read) continue
      return {
        written: this.writer[0]!,
        taken: this.reader[TAKEN]!,
        dropped: this.reader[MISSED]! + lost,
        pending: unread - lost,
      }
    }
  }
}
