import { RingGauge } from './gauge.ts'
import { LatestGauge } from './latest-gauge.ts'
import { HEAD as LATEST_HEAD, TAIL as LATEST_TAIL, latestViews } from './latest-place.ts'
import { lossyViews, OLDEST, READ, TAIL, WRITER_TALLY } from './lossy-place.ts'
import {
  LATEST_TAKEN,
  LOSSY_MISSED,
  LOSSY_POSITION,
  lastTaken,
  RELAY_COUNTERS,
  type RelayPlace,
} from './relay.ts'
import { readTally } from './tally.ts'

/** At every moment: accepted = overwritten + replaced + all that the ring's reader has released + pending. */
export type RelayCounts = {
  /** Records written into the lossy ring and the table. */
  accepted: number
  /** Lost in the lossy ring. */
  overwritten: number
  /** Values of the table that a later one has replaced. */
  replaced: number
  pending: number
  /** The counts of the ring's reader. The array is reused by the next call. */
  released: Float64Array
  /** Whether what was counted agrees with where the cursors stand. */
  agree: boolean
}

/** Looks at a relay from outside, from any thread. */
export class RelayGauge {
  private readonly ring: RingGauge
  private readonly lossy: Int32Array
  private readonly latest: Int32Array
  private readonly latestGauge: LatestGauge
  private readonly written = new Float64Array(1)

  /** `counters`: of the ring's reader; the first counts what it has released. */
  constructor(place: RelayPlace, counters: number) {
    this.ring = new RingGauge(place.ring, counters, RELAY_COUNTERS)
    this.lossy = lossyViews(place.lossy).control
    this.latest = latestViews(place.latest).control
    this.latestGauge = new LatestGauge(place.latest)
  }

  /** Nothing lies unread, save for what nobody has lived to announce. */
  get isEmpty(): boolean {
    return (
      this.ring.isEmpty &&
      Atomics.load(this.lossy, READ) === Atomics.load(this.lossy, TAIL) &&
      Atomics.load(this.latest, LATEST_HEAD) === Atomics.load(this.latest, LATEST_TAIL)
    )
  }

  /** Of one moment: counted again if records were moved meanwhile. */
  counts(): RelayCounts {
    const { ring, lossy } = this
    for (;;) {
      const released = ring.released()
      const moved = ring.committed()
      const counts = ring.writerCounts
      const tail = readTally(lossy, TAIL, WRITER_TALLY, this.written)
      // After TAIL, which it may have passed since.
      const oldest = Atomics.load(lossy, OLDEST)
      const latest = this.latestGauge.counts(lastTaken(counts))
      if (ring.hasMoved) continue
      const position = counts[LOSSY_POSITION]! | 0
      const unread = (tail - position) | 0
      const lost = Math.min(Math.max(0, (oldest - position) | 0), unread)
      const written = this.written[0]!
      const taken = counts[LATEST_TAKEN]!
      const agree = written - counts[LOSSY_MISSED]! - (moved - taken) === unread && ring.agrees(released[0]!)
      return {
        accepted: written + latest.written,
        overwritten: counts[LOSSY_MISSED]! + lost,
        replaced: latest.written - taken - latest.pending,
        pending: unread - lost + latest.pending + moved - released[0]!,
        released,
        agree,
      }
    }
  }
}
