import { RingGauge } from '../../native-free-ring/src/index.ts'
import { LANE_COUNTERS, RELEASED } from './outcome.ts'
import type { SpillwayPlace } from './places.ts'

/** Looks at a spillway from outside, from any thread: what has gone out, and what became of it. */
export class SpillwayGauge {
  private readonly out: RingGauge
  private readonly back: RingGauge

  constructor(place: SpillwayPlace) {
    this.out = new RingGauge(place.out)
    this.back = new RingGauge(place.back, LANE_COUNTERS)
  }

  /** What became of the events that were dealt with. Read it before `accepted`. The array is reused by the next call. */
  released(): Float64Array {
    return this.back.released()
  }

  /** Events that have gone out. */
  accepted(): number {
    return this.out.committed()
  }

  /** Whether what its rings have counted agrees with where their cursors stand. */
  agrees(): boolean {
    const { out, back } = this
    const left = out.released()[0]!
    out.committed()
    const released = back.released()[RELEASED]!
    back.committed()
    return out.agrees(left) && back.agrees(released)
  }

  /** Whether the lane's reader has dealt with so many events that went out. */
  hasReleased(events: number): boolean {
    return this.back.released()[RELEASED] === events
  }
}
