import type { AirportRecord } from './airport-record.ts'
import type { Airport } from './dataset.ts'
import type { RouteRecord } from './route-record.ts'

export interface RouteRow {
  route: string
  flights: number
  onTimeShare: number
  /** Minutes of delay, whole as in the data. */
  p50: number
  p90: number
  p99: number
  /** Minutes from one departure to the next, in the middle; NaN with a single flight. */
  headway: number
  /** Reported against great-circle distance, 0.01 is one percent; NaN where an airport is not in the table. */
  distanceExcess: number
}

export interface AirportRow {
  airport: string
  name: string
  city: string
  state: string
  departures: number
  arrivals: number
  /** Of the departures. The delay is the one on arrival, wherever the flight went. */
  onTimeShare: number
  p50: number
  p90: number
  /** Hour of the day with the most movements. */
  busiestHour: number
  /** Arrivals less departures. */
  balance: number
}

/** A p90 over a handful of flights is an anecdote: 500 flights of the whole file, fewer in a part of it. */
const ROUTE_SHARE = 500 / 3_000_000
const ROUTE_MINIMUM = 5

/** The routes with the highest p90 delay. */
export function worstRoutes(routes: ReadonlyMap<string, RouteRecord>, limit: number): RouteRow[] {
  let flights = 0
  for (const { punctuality } of routes.values()) flights += punctuality.flights
  const minimum = Math.max(ROUTE_MINIMUM, Math.round(flights * ROUTE_SHARE))
  return [...routes]
    .filter(([, record]) => record.punctuality.flights >= minimum)
    .map(([route, { punctuality, headways, distanceExcess }]) => ({
      route,
      flights: punctuality.flights,
      onTimeShare: punctuality.onTimeShare,
      p50: Math.round(punctuality.delays.quantile(0.5)),
      p90: Math.round(punctuality.delays.quantile(0.9)),
      p99: Math.round(punctuality.delays.quantile(0.99)),
      headway: Math.round(headways.quantile(0.5)),
      distanceExcess,
    }))
    .sort((a, b) => b.p90 - a.p90 || b.flights - a.flights || (a.route < b.route ? -1 : 1))
    .slice(0, limit)
}

/** The airports with the most movements. */
export function busiestAirports(
  records: ReadonlyMap<string, AirportRecord>,
  airports: ReadonlyMap<string, Airport>,
  limit: number,
): AirportRow[] {
  const movements = ({ departures, arrivals }: AirportRecord) => departures.flights + arrivals.flights
  return [...records]
    .sort(([a, x], [b, y]) => movements(y) - movements(x) || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([airport, record]) => {
      const { name = '', city = '', state = '' } = airports.get(airport) ?? {}
      return {
        airport,
        name,
        city,
        state,
        departures: record.departures.flights,
        arrivals: record.arrivals.flights,
        onTimeShare: record.departures.onTimeShare,
        p50: Math.round(record.departures.delays.quantile(0.5)),
        p90: Math.round(record.departures.delays.quantile(0.9)),
        busiestHour: record.busiestHour,
        balance: record.balance,
      }
    })
}
