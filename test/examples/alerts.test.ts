import { describe, expect, it } from 'vitest'
import { AlertRule, type FlightAlert } from '../../examples/flights/alerts.ts'
import { type Flight, openFlights } from '../../examples/flights/dataset.ts'
import { routeOf } from '../../examples/flights/flight.ts'

function alertsOf(flights: Iterable<Flight>, rule = new AlertRule()): FlightAlert[] {
  const alerts: FlightAlert[] = []
  for (const flight of flights) {
    const alert = rule.observe(flight)
    if (alert !== undefined) alerts.push(alert)
  }
  return alerts
}

function flightsOf(destination: string, delays: number[]): Flight[] {
  return delays.map((delay, i) => ({ date: i * 60_000, delay, distance: 100, origin: 'ORD', destination }))
}

describe('AlertRule', () => {
  it('raises once for a run, and again only after a better flight', () => {
    const delays = [60, 10, 61, 62, 63, 64, 65, 66, 59, 70, 71, 72]
    expect(alertsOf(flightsOf('LAX', delays))).toEqual([
      { route: 'ORD-LAX', since: 2 * 60_000, delays: [61, 62, 63] },
      { route: 'ORD-LAX', since: 9 * 60_000, delays: [70, 71, 72] },
    ])
  })

  it('keeps routes apart', () => {
    const [a, b] = [flightsOf('LAX', [60, 60]), flightsOf('SFO', [60, 60])]
    expect(alertsOf([...a, ...b])).toEqual([])
  })

  it('takes another length of run', () => {
    expect(alertsOf(flightsOf('LAX', [60, 0, 90]), new AlertRule(1))).toHaveLength(2)
    expect(() => new AlertRule(0)).toThrow(RangeError)
  })

  it('raises the same alerts on real flights however routes are shared out', async () => {
    const flights: Flight[] = []
    for await (const chunk of (await openFlights({ rows: 20_000 })).chunks) flights.push(...chunk)
    const routes = [...new Set(flights.map(routeOf))]
    const shared = [0, 1, 2, 3].flatMap((thread) =>
      alertsOf(flights.filter((flight) => routes.indexOf(routeOf(flight)) % 4 === thread)),
    )
    const byRoute = (a: FlightAlert, b: FlightAlert) => a.route.localeCompare(b.route) || a.since - b.since
    expect(shared.length).toBeGreaterThan(5)
    expect(shared.sort(byRoute)).toEqual(alertsOf(flights).sort(byRoute))
  })
})
