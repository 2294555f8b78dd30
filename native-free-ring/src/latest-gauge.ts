import { readCounter } from './counters.ts'
import { type LatestPlace, latestViews, sequenceWord } from './latest-place.ts'

/** What was neither taken nor lies unread has been replaced. */
export type LatestCounts = { written: number; pending: number }

/** Looks at a table of latest values from outside, from any thread: at all its slots. */
export class LatestGauge {
  private readonly sequences: Int32Array
  private readonly seen: Int32Array

  constructor(place: LatestPlace) {
    const { sequences, seen } = latestViews(place)
    this.sequences = sequences
    this.seen = seen
  }

  /** `taken`: a value that was taken, which its reader may not have lived to say; its slot, and which of its values. */
  counts(taken?: { slot: number; sequence: number }): LatestCounts {
    let written = 0
    let pending = 0
    for (let slot = 0; slot < this.seen.length; slot++) {
      const sequence = readCounter(this.sequences, sequenceWord(slot), 0)
      written += sequence
      if (Atomics.load(this.seen, slot) === (sequence | 0)) continue
      if (taken === undefined || taken.slot !== slot || taken.sequence !== (sequence | 0)) pending++
    }
    return { written, pending }
  }
}
