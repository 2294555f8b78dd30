import { RelayGauge, RingGauge, readCounter, wordsOf } from '../../native-free-ring/src/index.ts'
import {
  activeWord,
  countersWord,
  dispatchers,
  laneCount,
  type PoolShape,
  type PublisherSlot,
  type SharedMap,
  USES_RELAYS,
  USES_RINGS,
  USES_SPILLWAYS,
} from '../lane/map.ts'
import {
  COMPLETED,
  DEAD_LETTERED,
  DROPPED,
  DUPLICATE,
  EXPIRED,
  LANE_COUNTERS,
  RELEASED,
  UNMATCHED,
} from '../lane/outcome.ts'
import { inboxPlace, relayPlace, ringPlace, spillwayPlace } from '../lane/places.ts'
import { SpillwayGauge } from '../lane/spillway-gauge.ts'
import { DISPATCHED, droppedNewest, sampledOut } from '../lane/thread-counters.ts'

/** Events that were accepted and dropped, by the policy that did. */
export type Drops = {
  'drop-newest': number
  'drop-oldest': number
  coalesce: number
  sample: number
  /** In flight when their worker died. */
  'at-most-once': number
  /** With the id of one that was completed. */
  duplicate: number
}

/** What became of every accepted event. At any moment the others add up to `accepted`. */
export type Ledger = {
  accepted: number
  completed: number
  /** Nobody was subscribed to its topic. */
  unmatched: number
  dropped: number
  /** The same by policy. */
  droppedBy: Drops
  expired: number
  deadLettered: number
  pending: number
  /** Of all that were accepted, those that had to wait in the store, or behind such. */
  spilled: number
  balanced: boolean
}

/** The ledger with events that were dealt with, though not released: so many of each outcome are no longer pending. */
export function withSettled(ledger: Ledger, settled: Float64Array): Ledger {
  const sum = settled.reduce((all, count) => all + count, 0)
  const dropped = settled[DROPPED]!
  const duplicate = settled[DUPLICATE]!
  return {
    ...ledger,
    completed: ledger.completed + settled[COMPLETED]!,
    unmatched: ledger.unmatched + settled[UNMATCHED]!,
    dropped: ledger.dropped + dropped + duplicate,
    droppedBy: {
      ...ledger.droppedBy,
      'at-most-once': ledger.droppedBy['at-most-once'] + dropped,
      duplicate: ledger.droppedBy.duplicate + duplicate,
    },
    expired: ledger.expired + settled[EXPIRED]!,
    deadLettered: ledger.deadLettered + settled[DEAD_LETTERED]!,
    pending: ledger.pending - sum,
  }
}

type Gauges = {
  readonly rings: RingGauge[]
  readonly relays: RelayGauge[]
  readonly spillways: SpillwayGauge[]
}

/**
 * Reads the ledger from the rings' own tallies, from any thread: what writers have committed, what readers have
 * released, and what they say became of it.
 */
export class LedgerReader {
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly gauges: (Gauges | undefined)[] = []
  private readonly inboxes: readonly RingGauge[]

  constructor(map: SharedMap) {
    this.map = map
    this.control = wordsOf(map.control)
    this.inboxes = dispatchers(map.shape).map(
      (thread) => new RingGauge(inboxPlace(map, thread), LANE_COUNTERS),
    )
  }

  read(): Ledger {
    const sums = new Float64Array(LANE_COUNTERS)
    let written = 0
    let pending = 0
    let overwritten = 0
    let replaced = 0
    let spilled = 0
    let agree = true
    const add = (counts: Float64Array): void => counts.forEach((count, index) => void (sums[index]! += count))
    for (const gauge of this.rings()) {
      // What was released before what was committed: so no more can have been released.
      const counts = gauge.released()
      add(counts)
      const released = counts[RELEASED]!
      const committed = gauge.committed()
      written += committed
      pending += committed - released
      agree &&= gauge.agrees(released)
    }
    for (const gauge of this.relays()) {
      const counts = gauge.counts()
      add(counts.released)
      written += counts.accepted
      pending += counts.pending
      overwritten += counts.overwritten
      replaced += counts.replaced
      agree &&= counts.agree
    }
    for (const gauge of this.spillways()) {
      const counts = gauge.released()
      add(counts)
      const released = counts[RELEASED]!
      const accepted = gauge.accepted()
      agree &&= gauge.agrees() && accepted >= released
      spilled += accepted
      pending += accepted - released
    }
    written += spilled
    const droppedBy: Drops = {
      'drop-newest': this.countOfPublishers(droppedNewest),
      'drop-oldest': overwritten,
      coalesce: replaced,
      sample: this.countOfPublishers(sampledOut),
      'at-most-once': sums[DROPPED]!,
      duplicate: sums[DUPLICATE]!,
    }
    const ledger = {
      accepted: written + droppedBy['drop-newest'] + droppedBy.sample,
      completed: sums[COMPLETED]!,
      unmatched: sums[UNMATCHED]!,
      dropped: Object.values(droppedBy).reduce((all, count) => all + count, 0),
      droppedBy,
      expired: sums[EXPIRED]!,
      deadLettered: sums[DEAD_LETTERED]!,
      pending,
      spilled,
    }
    const { completed, unmatched, dropped, expired, deadLettered } = ledger
    const sum = completed + unmatched + dropped + expired + deadLettered + pending
    return { ...ledger, balanced: agree && ledger.accepted === sum }
  }

  /**
   * Whether no event was pending at one moment during this call.
   *
   * All that was dealt with is read first, all that was written after: both only grow, and what was dealt with never
   * exceeds what was written, so if the sums are equal, they were equal in between, when nothing was pending in any lane.
   */
  isQuiet(): boolean {
    let done = 0
    let written = 0
    for (const gauge of this.inboxes) done += gauge.released()[RELEASED]!
    for (const gauge of this.rings()) done += gauge.released()[RELEASED]!
    for (const gauge of this.spillways()) done += gauge.released()[RELEASED]!
    for (const gauge of this.relays()) {
      const { released, overwritten, replaced } = gauge.counts()
      done += released[RELEASED]! + overwritten + replaced
    }
    for (const gauge of this.inboxes) written += gauge.committed()
    for (const gauge of this.rings()) written += gauge.committed()
    for (const gauge of this.spillways()) written += gauge.accepted()
    for (const gauge of this.relays()) written += gauge.counts().accepted
    return done === written
  }

  /** Events in a pool's lanes that have not been dealt with. */
  pendingIn({ firstLane, keyedLanes, freeLanes }: PoolShape): number {
    const lanes = <Gauge>(gauges: readonly Gauge[]): readonly Gauge[] =>
      gauges.slice(firstLane, firstLane + keyedLanes + freeLanes)
    let pending = 0
    for (const { rings } of this.used(USES_RINGS)) {
      for (const ring of lanes(rings)) {
        const released = ring.released()[RELEASED]!
        pending += ring.committed() - released
      }
    }
    for (const { relays } of this.used(USES_RELAYS))
      for (const relay of lanes(relays)) pending += relay.counts().pending
    for (const { spillways } of this.used(USES_SPILLWAYS)) {
      for (const spillway of lanes(spillways)) {
        const released = spillway.released()[RELEASED]!
        pending += spillway.accepted() - released
      }
    }
    return pending
  }

  /** Events that each worker has dispatched. */
  dispatchedBy(thread: number): number {
    return readCounter(this.control, countersWord(thread), DISPATCHED)
  }

  private countOfPublishers(counterOf: (slot: PublisherSlot) => number): number {
    let sum = 0
    for (const slot of this.map.publishers)
      sum += readCounter(this.control, countersWord(slot.thread), counterOf(slot))
    return sum
  }

  private *rings(): Generator<RingGauge> {
    for (const gauges of this.used(USES_RINGS)) yield* gauges.rings
  }

  private *relays(): Generator<RelayGauge> {
    for (const gauges of this.used(USES_RELAYS)) yield* gauges.relays
  }

  private *spillways(): Generator<SpillwayGauge> {
    for (const gauges of this.used(USES_SPILLWAYS)) yield* gauges.spillways
  }

  /** Of the publishers that use a part. */
  private *used(part: number): Generator<Gauges> {
    for (let publisher = 0; publisher < this.map.publishers.length; publisher++) {
      const active = Atomics.load(this.control, activeWord(this.map.publishers[publisher]!))
      if ((active & part) !== 0) yield this.gaugesOf(publisher)
    }
  }

  private gaugesOf(publisher: number): Gauges {
    const { map } = this
    const lanes = Array.from({ length: laneCount(map.shape) }, (_, lane) => lane)
    this.gauges[publisher] ??= {
      rings: lanes.map((lane) => new RingGauge(ringPlace(map, publisher, lane), LANE_COUNTERS)),
      relays: lanes.map((lane) => new RelayGauge(relayPlace(map, publisher, lane), LANE_COUNTERS)),
      spillways: map.shape.spills
        ? lanes.map((lane) => new SpillwayGauge(spillwayPlace(map, publisher, lane)))
        : [],
    }
    return this.gauges[publisher]
  }
}
