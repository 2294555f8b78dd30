import { DelaySketch, type SketchSnapshot } from './delay-sketch.ts'
import { Punctuality, type PunctualitySnapshot } from './punctuality.ts'

export interface RouteSnapshot {
  punctuality: PunctualitySnapshot
  headways: SketchSnapshot
  lastDeparture: number | null
  located: number
  milesReported: number
  metresReported: number
  metresGreatCircle: number
}

const METRES_PER_MILE = 1609.344

/**
 * One route, such as ORD-LAX. The headway is the time from one departure to the next, which is known only to
 * whoever sees the flights of the route in their order: this record is the reason why events are keyed by route.
 */
export class RouteRecord {
  punctuality = new Punctuality()
  /** Minutes between departures that follow each other. */
  headways = new DelaySketch()
  /** Minutes since 1970. */
  lastDeparture: number | null = null
  /** Flights of which both airports are in the table; the three sums are over them. */
  located = 0
  milesReported = 0
  metresReported = 0
  metresGreatCircle = 0

  depart(minute: number, delay: number): void {
    // Out of order this would be negative, and the result would differ from that of a single thread.
    if (this.lastDeparture !== null) this.headways.add(minute - this.lastDeparture)
    this.lastDeparture = minute
    this.punctuality.add(delay)
  }

  measure(reportedMiles: number, greatCircleMetres: number): void {
    this.located++
    this.milesReported += reportedMiles
    this.metresReported += Math.round(reportedMiles * METRES_PER_MILE)
    this.metresGreatCircle += greatCircleMetres
  }

  /** How much longer the reported distance is than the great circle: 0.01 is one percent. */
  get distanceExcess(): number {
    return this.metresGreatCircle === 0 ? Number.NaN : this.metresReported / this.metresGreatCircle - 1
  }

  toSnapshot(): RouteSnapshot {
    return {
      punctuality: this.punctuality.toSnapshot(),
      headways: this.headways.toJSON(),
      lastDeparture: this.lastDeparture,
      located: this.located,
      milesReported: this.milesReported,
      metresReported: this.metresReported,
      metresGreatCircle: this.metresGreatCircle,
    }
  }

  static fromSnapshot(snapshot: RouteSnapshot): RouteRecord {
    const record = new RouteRecord()
    record.punctuality = Punctuality.fromSnapshot(snapshot.punctuality)
    record.headways = DelaySketch.fromJSON(snapshot.headways)
    record.lastDeparture = snapshot.lastDeparture
    record.located = snapshot.located
    record.milesReported = snapshot.milesReported
    record.metresReported = snapshot.metresReported
    record.metresGreatCircle = snapshot.metresGreatCircle
    return record
  }
}
