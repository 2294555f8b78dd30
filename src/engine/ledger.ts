import { RingGauge, readCounter } from '../../native-free-ring/src/index.ts'
import { activeWord, countersWord, laneCount, ringPlace, type SharedMap } from '../lane/map.ts'
import {
  COMPLETED,
  DEAD_LETTERED,
  DROPPED,
  EXPIRED,
  LANE_COUNTERS,
  RELEASED,
  UNMATCHED,
} from '../lane/outcome.ts'
import { DISPATCHED, DROPPED_NEWEST } from '../lane/thread-counters.ts'

/** What became of every accepted event. At any moment the others add up to `accepted`. */
export type Ledger = {
  accepted: number
  completed: number
  /** Nobody was subscribed to its topic. */
  unmatched: number
  dropped: number
  expired: number
  deadLettered: number
  pending: number
  balanced: boolean
}

/** The ledger with events that were dealt with, though not released: so many of each outcome are no longer pending. */
export function withSettled(ledger: Ledger, settled: Float64Array): Ledger {
  const sum = settled.reduce((all, count) => all + count, 0)
  return {
    ...ledger,
    completed: ledger.completed + settled[COMPLETED]!,
    unmatched: ledger.unmatched + settled[UNMATCHED]!,
    dropped: ledger.dropped + settled[DROPPED]!,
    expired: ledger.expired + settled[EXPIRED]!,
    deadLettered: ledger.deadLettered + settled[DEAD_LETTERED]!,
    pending: ledger.pending - sum,
  }
}

/**
 * Reads the ledger from the rings' own tallies, from any thread: what writers have committed, what readers have
 * released, and what they say became of it.
 */
export class LedgerReader {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly gauges: (RingGauge[] | undefined)[] = []

  constructor(map: SharedMap) {
    this.map = map
    this.control = new Int32Array(map.control)
  }

  read(): Ledger {
    const sums = new Float64Array(LANE_COUNTERS)
    let committed = 0
    let agree = true
    this.forEachRing((gauge) => {
      // What was released before what was committed: so no more can have been released.
      const counts = gauge.released()
      for (let i = 0; i < LANE_COUNTERS; i++) sums[i]! += counts[i]!
      const released = counts[RELEASED]!
      committed += gauge.committed()
      agree &&= gauge.agrees(released)
    })
    const droppedNewest = this.droppedNewest()
    const ledger = {
      accepted: committed + droppedNewest,
      completed: sums[COMPLETED]!,
      unmatched: sums[UNMATCHED]!,
      dropped: sums[DROPPED]! + droppedNewest,
      expired: sums[EXPIRED]!,
      deadLettered: sums[DEAD_LETTERED]!,
      pending: committed - sums[RELEASED]!,
    }
    const { completed, unmatched, dropped, expired, deadLettered, pending } = ledger
    const sum = completed + unmatched + dropped + expired + deadLettered + pending
    return { ...ledger, balanced: agree && ledger.accepted === sum }
  }

  /**
   * Whether no event was pending at one moment during this call.
   *
   * All that was released is read first, all that was committed after: both only grow, and released never exceeds
   * committed, so if the sums are equal, they were equal in between, when nothing was pending in any lane.
   */
  isQuiet(): boolean {
    let released = 0
    let committed = 0
    this.forEachRing((gauge) => {
      released += gauge.released()[RELEASED]!
    })
    this.forEachRing((gauge) => {
      committed += gauge.committed()
    })
    return released === committed
  }

  /** Events that each worker has dispatched. */
  dispatchedBy(thread: number): number {
    return readCounter(this.control, countersWord(thread), DISPATCHED)
  }

  private droppedNewest(): number {
    let sum = 0
    for (const { thread, depth } of this.map.publishers) {
      sum += readCounter(this.control, countersWord(thread), DROPPED_NEWEST + depth)
    }
    return sum
  }

  private forEachRing(visit: (gauge: RingGauge) => void): void {
    this.map.publishers.forEach((slot, publisher) => {
      if (Atomics.load(this.control, activeWord(slot)) === 1) this.gaugesOf(publisher).forEach(visit)
    })
  }

  private gaugesOf(publisher: number): RingGauge[] {
    const { map } = this
    this.gauges[publisher] ??= Array.from(
      { length: laneCount(map.shape) },
      (_, lane) => new RingGauge(ringPlace(map, publisher, lane), LANE_COUNTERS),
    )
    return this.gauges[publisher]
  }
}
