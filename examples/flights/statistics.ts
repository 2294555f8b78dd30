import { createHash } from 'node:crypto'
import { AirportRecord, type AirportSnapshot } from './airport-record.ts'
import { Airspace, type AirspaceSnapshot } from './airspace.ts'
import type { Airport } from './dataset.ts'
import { type Flight, routeOf } from './flight.ts'
import { FlightPath } from './flight-path.ts'
import { Punctuality, type PunctualitySnapshot } from './punctuality.ts'
import { type AirportRow, busiestAirports, type RouteRow, worstRoutes } from './rankings.ts'
import { RouteRecord, type RouteSnapshot } from './route-record.ts'

/** Plain data, in one canonical order: equal statistics give equal snapshots. */
export interface StatisticsSnapshot {
  unlocated: number
  total: PunctualitySnapshot
  hours: PunctualitySnapshot[]
  weekdays: PunctualitySnapshot[]
  courses: PunctualitySnapshot[]
  routes: [route: string, record: RouteSnapshot][]
  airports: [code: string, record: AirportSnapshot][]
  airspace: AirspaceSnapshot
}

/**
 * Everything the demo wants to know about flights, as one thread sees them.
 *
 * Nothing depends on how flights are spread over threads, as long as each route stays on one thread and in
 * order: the state is integer counts and integer sums, and what is computed in floating point for a flight is
 * rounded to an integer before it is added to anything.
 */
export class FlightStatistics {
  total = new Punctuality()
  /** By hour of departure, at the clock of the origin. */
  hours = Array.from({ length: 24 }, () => new Punctuality())
  /** Sunday first. */
  weekdays = Array.from({ length: 7 }, () => new Punctuality())
  /** By initial course: north, north-east, and so on by the compass. */
  courses = Array.from({ length: 8 }, () => new Punctuality())
  routes = new Map<string, RouteRecord>()
  airports = new Map<string, AirportRecord>()
  airspace = new Airspace()
  /** Flights with an airport that the table does not know; they have no place on the map. */
  unlocated = 0

  get flights(): number {
    return this.total.flights
  }

  add(flight: Flight, airports: ReadonlyMap<string, Airport>): void {
    const { delay } = flight
    const minute = Math.floor(flight.date / 60_000)
    const hour = Math.floor(minute / 60) % 24
    this.total.add(delay)
    this.hours[hour]!.add(delay)
    // The first of January 1970 was a Thursday.
    this.weekdays[(Math.floor(minute / 1440) + 4) % 7]!.add(delay)

    const route = recordOf(this.routes, routeOf(flight), RouteRecord)
    const origin = recordOf(this.airports, flight.origin, AirportRecord)
    const destination = recordOf(this.airports, flight.destination, AirportRecord)
    route.depart(minute, delay)
    origin.depart(hour, delay)
    destination.arrive(delay)

    const from = airports.get(flight.origin)
    const to = airports.get(flight.destination)
    if (from === undefined || to === undefined) {
      this.unlocated++
      return
    }
    const path = new FlightPath(flight, from, to)
    route.measure(flight.distance, path.circle.metres)
    destination.land(path.landingHour)
    this.courses[Math.round(path.circle.initialCourse / 45) % 8]!.add(delay)
    this.airspace.follow(path)
  }

  /** Adds what another thread has seen. `other` must not be used afterwards: its records move into this one. */
  merge(other: FlightStatistics): void {
    for (const route of other.routes.keys()) {
      // The gap between the two halves of a route is in neither of them, so the sum could not be exact.
      if (this.routes.has(route)) throw new Error(`flights of ${route} were counted on two threads`)
    }
    for (const [route, record] of other.routes) this.routes.set(route, record)
    for (const [code, record] of other.airports) {
      const mine = this.airports.get(code)
      if (mine === undefined) this.airports.set(code, record)
      else mine.merge(record)
    }
    this.total.merge(other.total)
    for (const part of ['hours', 'weekdays', 'courses'] as const) {
      for (const [i, group] of this[part].entries()) group.merge(other[part][i]!)
    }
    this.airspace.merge(other.airspace)
    this.unlocated += other.unlocated
  }

  worstRoutes(limit: number): RouteRow[] {
    return worstRoutes(this.routes, limit)
  }

  airportsTable(limit: number, airports: ReadonlyMap<string, Airport>): AirportRow[] {
    return busiestAirports(this.airports, airports, limit)
  }

  /** Whole minutes of delay over all flights, one answer for each quantile asked for. */
  percentiles(quantiles: number[] = [0.5, 0.9, 0.99]): number[] {
    return quantiles.map((q) => Math.round(this.total.delays.quantile(q)))
  }

  toSnapshot(): StatisticsSnapshot {
    return {
      unlocated: this.unlocated,
      total: this.total.toSnapshot(),
      hours: this.hours.map((group) => group.toSnapshot()),
      weekdays: this.weekdays.map((group) => group.toSnapshot()),
      courses: this.courses.map((group) => group.toSnapshot()),
      routes: byKey(this.routes).map(([route, record]) => [route, record.toSnapshot()]),
      airports: byKey(this.airports).map(([code, record]) => [code, record.toSnapshot()]),
      airspace: this.airspace.toSnapshot(),
    }
  }

  static fromSnapshot(snapshot: StatisticsSnapshot): FlightStatistics {
    const statistics = new FlightStatistics()
    statistics.unlocated = snapshot.unlocated
    statistics.total = Punctuality.fromSnapshot(snapshot.total)
    statistics.hours = snapshot.hours.map(Punctuality.fromSnapshot)
    statistics.weekdays = snapshot.weekdays.map(Punctuality.fromSnapshot)
    statistics.courses = snapshot.courses.map(Punctuality.fromSnapshot)
    for (const [key, record] of snapshot.routes) statistics.routes.set(key, RouteRecord.fromSnapshot(record))
    for (const [key, record] of snapshot.airports) {
      statistics.airports.set(key, AirportRecord.fromSnapshot(record))
    }
    statistics.airspace = Airspace.fromSnapshot(snapshot.airspace)
    return statistics
  }

  /** SHA-256 over the whole state, in hex: two results are exactly equal when their digests are. */
  digest(): string {
    return createHash('sha256').update(JSON.stringify(this.toSnapshot())).digest('hex')
  }
}

function recordOf<T>(records: Map<string, T>, key: string, Record: new () => T): T {
  let record = records.get(key)
  if (record === undefined) {
    record = new Record()
    records.set(key, record)
  }
  return record
}

/** By code unit and not by locale: the same order on every machine. */
function byKey<T>(records: Map<string, T>): [string, T][] {
  return [...records].sort(([a], [b]) => (a < b ? -1 : 1))
}
