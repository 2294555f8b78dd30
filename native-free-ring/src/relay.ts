import type { LatestPlace } from './latest-place.ts'
import { LatestReader } from './latest-reader.ts'
import type { RingPlace } from './layout.ts'
import type { LossyPlace } from './lossy-place.ts'
import { LossyReader } from './lossy-reader.ts'
import { EMPTY } from './reader.ts'
import { FULL, RingWriter } from './writer.ts'

/** A lossy ring, a table of latest values, and the ring that their records are moved to. */
export type RelayPlace = {
  readonly lossy: LossyPlace
  readonly latest: LatestPlace
  readonly ring: RingPlace
}

/**
 * Counts of the ring's writer: records moved; how far the lossy ring was read and what was missed there; values taken from
 * the table, and of the last one its slot and number.
 */
export const LOSSY_POSITION = 1
export const LOSSY_MISSED = 2
export const LATEST_TAKEN = 3
const LATEST_SLOT = 4
const LATEST_SEQUENCE = 5
export const RELAY_COUNTERS = 6

/** The value that was taken last, according to the counts of a relay's ring; undefined if none was. */
export function lastTaken(counts: Float64Array): { slot: number; sequence: number } | undefined {
  if (counts[LATEST_TAKEN] === 0) return undefined
  return { slot: counts[LATEST_SLOT]!, sequence: counts[LATEST_SEQUENCE]! | 0 }
}

/**
 * Moves records from where they may be overwritten into a ring where they stay: each once, whoever dies (decision 13 of
 * Millrace).
 *
 * It is their reader and the ring's writer; `resume(true)` before anything else, and under a lease, `resume` after taking it.
 *
 * @example
 * relay.resume(true)
 * if (relay.move(16) > 0) ringReader.prefetch()
 */
export class Relay {
  private readonly lossy: LossyReader
  private readonly latest: LatestReader
  private readonly ring: RingWriter
  /** Whether the last `move` left something, since the ring had no room for it. */
  isFull = false

  constructor(place: RelayPlace) {
    this.lossy = new LossyReader(place.lossy)
    this.latest = new LatestReader(place.latest)
    this.ring = new RingWriter(place.ring, RELAY_COUNTERS)
  }

  /** Goes on where the last holder stopped; `sweep` if it, or a writer of the table, has died since. */
  resume(sweep: boolean): void {
    const { lossy, latest, ring } = this
    ring.resume()
    const { counts } = ring
    // What the last holder moved, and may not have lived to say to the writers.
    lossy.resumeAt(counts[LOSSY_POSITION]! | 0, counts[LOSSY_MISSED]!)
    const taken = lastTaken(counts)
    if (taken !== undefined) latest.take(taken.slot, taken.sequence)
    latest.resume(sweep)
  }

  /** Whether `move` would find something. */
  get hasRecords(): boolean {
    return this.lossy.hasRecords || this.latest.hasValues
  }

  /** The hash of the value that would be moved next; undefined if that is not known. */
  get nextHash(): number | undefined {
    return this.latest.nextHash
  }

  /** Moves up to `limit` records from the lossy ring and up to `values` from the table, as far as the ring has room; answers how many. */
  move(limit: number, values = limit): number {
    this.isFull = false
    return this.moveLossy(limit) + this.moveLatest(values)
  }

  private moveLossy(limit: number): number {
    const { lossy, ring } = this
    let moved = 0
    while (moved < limit) {
      const at = lossy.next()
      if (at === EMPTY) break
      const to = ring.claim(lossy.length)
      if (to === FULL) {
        this.isFull = true
        break
      }
      ring.bytes.set(lossy.bytes.subarray(at, at + lossy.length), to)
      if (lossy.confirm()) moved++
      else ring.abort()
    }
    if (moved === 0) return 0
    ring.counts[LOSSY_POSITION] = lossy.position
    ring.counts[LOSSY_MISSED] = lossy.missed
    // Publishes records and position in one store; only then the lossy ring's writer learns of it.
    ring.commit()
    lossy.release()
    return moved
  }

  private moveLatest(limit: number): number {
    const { latest, ring } = this
    let moved = 0
    while (moved < limit && latest.hasValues) {
      // Before the value is found: it could not be put back.
      if (!ring.hasRoom(latest.maxValueBytes)) {
        this.isFull = true
        break
      }
      const at = latest.next()
      if (at === EMPTY) break
      const to = ring.claim(latest.length)
      ring.bytes.set(latest.bytes.subarray(at, at + latest.length), to)
      if (!latest.isIntact()) {
        ring.abort()
        continue
      }
      ring.counts[LATEST_TAKEN]!++
      ring.counts[LATEST_SLOT] = latest.slot
      ring.counts[LATEST_SEQUENCE] = latest.sequence
      ring.commit()
      latest.take(latest.slot, latest.sequence)
      moved++
    }
    return moved
  }
}
