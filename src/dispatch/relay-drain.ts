import { Relay, RelayGauge, type RelayPlace } from '../../native-free-ring/src/index.ts'
import { LANE_COUNTERS } from '../lane/outcome.ts'
import type { WaitingPublisher } from './context.ts'
import type { Executor } from './executor.ts'
import { RingDrain, type RingHost } from './ring-drain.ts'

/** Right before they are dispatched, so many records are taken out of the reach of what would overwrite them. */
const BATCH = 16

/** Reads what a publisher may overwrite, through a relay (decision 13). */
export class RelayDrain extends RingDrain {
  private readonly relay: Relay
  private readonly relayGauge: RelayGauge
  /** Somebody has died, or this is new: values may lie there that nobody has announced. */
  private needsSweep = true

  constructor(
    place: RelayPlace,
    depth: number,
    lane: RingHost,
    executor: Executor,
    publisher: WaitingPublisher,
    window: number,
  ) {
    super(place.ring, depth, lane, executor, publisher, window, () => {})
    this.relay = new Relay(place)
    this.relayGauge = new RelayGauge(place, LANE_COUNTERS)
  }

  override get hasRecords(): boolean {
    return this.needsSweep || !this.relayGauge.isEmpty
  }

  override get isReadable(): boolean {
    return !this.blocked && (this.needsSweep || this.reader.prefetch() > 0 || this.relay.hasRecords)
  }

  override resume(): void {
    this.relay.resume(this.needsSweep)
    this.needsSweep = false
    super.resume()
  }

  /** Somebody has died. */
  sweep(): void {
    this.needsSweep = true
  }

  /** Finds what lies there unannounced; under the lease. */
  lookThrough(): void {
    if (!this.needsSweep) return
    this.needsSweep = false
    this.relay.resume(true)
  }

  protected override refill(limit: number): boolean {
    this.lookThrough()
    if (this.reader.prefetch() > 0) return true
    // While handlers go on, the next record may have to wait for them: until then it may still be overwritten.
    const { relay } = this
    const batch = this.lane.hasBusyKeys ? 1 : Math.min(limit, BATCH)
    const isBusy = this.lane.isBusyKey(relay.nextHash, this)
    if (relay.move(batch, isBusy ? 0 : batch) === 0) {
      // What is in flight lets its key go, and gives room back, when it settles.
      this.blocked = isBusy || (relay.isFull && this.inFlight.length > 0)
      return false
    }
    this.lane.synchronise()
    return this.lane.mayBegin(this) && this.reader.prefetch() > 0
  }
}
