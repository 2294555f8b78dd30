import Table from 'cli-table3'
import type { EngineStats } from '../../src/index.ts'
import type { Airport } from './dataset.ts'
import type { FlightStatistics } from './statistics.ts'

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const count = (number: number): string => number.toLocaleString('en-US')

function table(head: string[], rows: (string | number)[][]): string {
  const numeric = head.map((_, column) => rows.every((row) => /^-?[\d.,]+( .+)?$/.test(String(row[column]))))
  const drawn = new Table({
    head,
    colAligns: numeric.map((right) => (right ? 'right' : 'left')),
    style: { head: [], border: [] },
  })
  drawn.push(...rows)
  return drawn.toString()
}

export function worstRoutesTable(statistics: FlightStatistics): string {
  const rows = statistics
    .worstRoutes(8)
    .map(({ route, flights, onTimeShare, p50, p90, p99 }) => [
      route,
      count(flights),
      percent(onTimeShare),
      p50,
      p90,
      p99,
    ])
  return table(['route', 'flights', 'on time', 'p50 min', 'p90 min', 'p99 min'], rows)
}

export function airportsTable(statistics: FlightStatistics, airports: ReadonlyMap<string, Airport>): string {
  const rows = statistics
    .airportsTable(8, airports)
    .map((row) => [
      `${row.airport} ${row.city}`,
      count(row.departures),
      count(row.arrivals),
      percent(row.onTimeShare),
      row.p90,
      `${row.busiestHour}:00`,
    ])
  return table(['airport', 'departures', 'arrivals', 'on time', 'p90 min', 'busiest hour'], rows)
}

export function workersTable(stats: EngineStats): string {
  const all = stats.workers.reduce((sum, { dispatched }) => sum + dispatched, 0)
  const rows = stats.workers.map(({ workerId, dispatched }) => [
    `worker ${workerId}`,
    count(dispatched),
    percent(dispatched / all),
  ])
  return table(['thread', 'events', 'share'], rows)
}

export function ledgerTable(stats: EngineStats): string {
  const { accepted, completed, unmatched, dropped, expired, deadLettered, pending, balanced } = stats
  const numbers = [accepted, completed, unmatched, dropped, expired, deadLettered, pending].map(count)
  return table(
    ['accepted', 'completed', 'unmatched', 'dropped', 'expired', 'dead letters', 'pending', 'balanced'],
    [[...numbers, balanced ? 'yes' : 'NO']],
  )
}
