import { Punctuality, type PunctualitySnapshot } from './punctuality.ts'

export interface AirportSnapshot {
  departures: PunctualitySnapshot
  arrivals: PunctualitySnapshot
  departuresByHour: number[]
  arrivalsByHour: number[]
}

/**
 * One airport. Its flights are of many routes and so reach many threads in any interleaving: there is nothing
 * here but counts that add up in any order.
 */
export class AirportRecord {
  departures = new Punctuality()
  arrivals = new Punctuality()
  /** By hour of the airport's own day. */
  departuresByHour: number[] = new Array(24).fill(0)
  arrivalsByHour: number[] = new Array(24).fill(0)

  depart(hour: number, delay: number): void {
    this.departures.add(delay)
    this.departuresByHour[hour]!++
  }

  arrive(delay: number): void {
    this.arrivals.add(delay)
  }

  /** Apart from `arrive`, because the hour is an estimate that needs both airports on the map. */
  land(hour: number): void {
    this.arrivalsByHour[hour]!++
  }

  /** The hour with the most movements, the earliest if several are equal. */
  get busiestHour(): number {
    const movements = this.departuresByHour.map((count, hour) => count + this.arrivalsByHour[hour]!)
    return movements.indexOf(Math.max(...movements))
  }

  /** Flights that came in and have not gone out again; far from zero, flights are missing from the data. */
  get balance(): number {
    return this.arrivals.flights - this.departures.flights
  }

  merge(other: AirportRecord): void {
    this.departures.merge(other.departures)
    this.arrivals.merge(other.arrivals)
    for (let hour = 0; hour < 24; hour++) {
      this.departuresByHour[hour]! += other.departuresByHour[hour]!
      this.arrivalsByHour[hour]! += other.arrivalsByHour[hour]!
    }
  }

  toSnapshot(): AirportSnapshot {
    return {
      departures: this.departures.toSnapshot(),
      arrivals: this.arrivals.toSnapshot(),
      departuresByHour: [...this.departuresByHour],
      arrivalsByHour: [...this.arrivalsByHour],
    }
  }

  static fromSnapshot(snapshot: AirportSnapshot): AirportRecord {
    const record = new AirportRecord()
    record.departures = Punctuality.fromSnapshot(snapshot.departures)
    record.arrivals = Punctuality.fromSnapshot(snapshot.arrivals)
    record.departuresByHour = [...snapshot.departuresByHour]
    record.arrivalsByHour = [...snapshot.arrivalsByHour]
    return record
  }
}
