import { beforeAll, describe, expect, it } from 'vitest'
import { type Airport, type Flight, loadAirports, openFlights } from '../../examples/flights/dataset.ts'
import { routeOf, statusOf, topicOf } from '../../examples/flights/flight.ts'
import { FlightStatistics } from '../../examples/flights/statistics.ts'

let airports: Map<string, Airport>
let flights: Flight[] = []

beforeAll(async () => {
  airports = await loadAirports()
  for await (const chunk of (await openFlights({ rows: 20_000 })).chunks) flights = flights.concat(chunk)
})

function statisticsOf(some: Iterable<Flight>): FlightStatistics {
  const statistics = new FlightStatistics()
  for (const flight of some) statistics.add(flight, airports)
  return statistics
}

/** Gives each route to one of `count` threads, as the engine does with the key of an event. */
function splitByRoute(count: number): Flight[][] {
  const threads = new Map<string, number>()
  const shares: Flight[][] = Array.from({ length: count }, () => [])
  for (const flight of flights) {
    const route = routeOf(flight)
    if (!threads.has(route)) threads.set(route, threads.size % count)
    shares[threads.get(route)!]!.push(flight)
  }
  return shares
}

describe('flight', () => {
  it('has its route as key, and its origin and status in the topic', () => {
    const flight = { date: 0, delay: 15, distance: 1744, origin: 'ORD', destination: 'LAX' }
    expect(routeOf(flight)).toBe('ORD-LAX')
    expect(topicOf(flight)).toBe('flight.ORD.late')
    expect([-80, 14, 15, 59, 60].map(statusOf)).toEqual(['on-time', 'on-time', 'late', 'late', 'very-late'])
  })
})

describe('FlightStatistics', () => {
  it.each([2, 4])('is exactly the same over %i threads as in one, merged in any order', (count) => {
    const expected = statisticsOf(flights).digest()
    for (const backwards of [false, true]) {
      const shares = splitByRoute(count).map(statisticsOf)
      if (backwards) shares.reverse()
      const merged = new FlightStatistics()
      for (const share of shares) merged.merge(FlightStatistics.fromSnapshot(share.toSnapshot()))
      expect(merged.digest()).toBe(expected)
    }
  })

  it('does not depend on how routes are interleaved', () => {
    expect(statisticsOf(splitByRoute(4).flat()).digest()).toBe(statisticsOf(flights).digest())
  })

  it('notices one minute more of delay, a lost flight, and two flights of a route that changed places', () => {
    const expected = statisticsOf(flights).digest()
    const later = flights.with(77, { ...flights[77]!, delay: flights[77]!.delay + 1 })
    expect(statisticsOf(later).digest()).not.toBe(expected)
    expect(statisticsOf(flights.toSpliced(77, 1)).digest()).not.toBe(expected)

    const [a, b] = flights.flatMap((flight, i) => (routeOf(flight) === 'LAX-LAS' ? [i] : []))
    expect(flights[a!]!.date).not.toBe(flights[b!]!.date)
    const swapped = flights.with(a!, flights[b!]!).with(b!, flights[a!]!)
    expect(statisticsOf(swapped).digest()).not.toBe(expected)
  })

  it('refuses a route that two threads have counted', () => {
    const statistics = statisticsOf(flights.slice(0, 10))
    const route = routeOf(flights[0]!)
    expect(() => statistics.merge(statisticsOf(flights.slice(0, 1)))).toThrow(route)
  })

  it('comes back from a snapshot through JSON, and can go on', () => {
    const statistics = statisticsOf(flights.slice(0, 10_000))
    const back = FlightStatistics.fromSnapshot(JSON.parse(JSON.stringify(statistics.toSnapshot())))
    expect(back.digest()).toBe(statistics.digest())
    for (const flight of flights.slice(10_000)) back.add(flight, airports)
    expect(back.digest()).toBe(statisticsOf(flights).digest())
  })

  it('counts what a plain loop counts', () => {
    const statistics = statisticsOf(flights)
    const count = (test: (flight: Flight) => boolean) => flights.filter(test).length
    expect(statistics.flights).toBe(20_000)
    expect(statistics.unlocated).toBe(0)
    expect(statistics.total.onTime).toBe(count((f) => f.delay < 15))
    expect(statistics.total.veryLate).toBe(count((f) => f.delay >= 60))
    expect(statistics.total.delayMinutes).toBe(flights.reduce((sum, f) => sum + f.delay, 0))
    expect(statistics.hours[8]!.flights).toBe(count((f) => new Date(f.date).getUTCHours() === 8))
    expect(statistics.weekdays[1]!.flights).toBe(count((f) => new Date(f.date).getUTCDay() === 1))
    const chicago = statistics.airports.get('ORD')!
    expect(chicago.departures.flights).toBe(count((f) => f.origin === 'ORD'))
    expect(chicago.arrivalsByHour.reduce((a, b) => a + b)).toBe(count((f) => f.destination === 'ORD'))
    const route = flights.filter((f) => routeOf(f) === 'LAX-LAS')
    const record = statistics.routes.get('LAX-LAS')!
    expect(record.headways.count).toBe(route.length - 1)
    expect(record.milesReported).toBe(route.length * route[0]!.distance)
    expect(Math.abs(record.distanceExcess)).toBeLessThan(0.02)
  })

  it('sees a flight in the air at every second minute', () => {
    const flight = {
      date: Date.UTC(2001, 0, 1, 12),
      delay: 0,
      distance: 2475,
      origin: 'LAX',
      destination: 'JFK',
    }
    const cells = statisticsOf([flight]).airspace.busiest(1000)
    const sightings = cells.reduce((sum, cell) => sum + cell.sightings, 0)
    // 15 minutes and 2,470 miles at 8 miles a minute.
    expect(sightings).toBe(162)
    expect(cells.every(({ latitude }) => latitude > 33 && latitude < 42)).toBe(true)
    // Noon in Los Angeles is 20 h UTC.
    expect(new Set(cells.map(({ hour }) => hour))).toEqual(new Set([20, 21, 22, 23, 0, 1]))
  })

  it('counts a flight to an unknown airport, but not on the map', () => {
    const flight = { date: Date.UTC(2001, 0, 1), delay: 70, distance: 100, origin: 'ORD', destination: '???' }
    const statistics = statisticsOf([flight])
    expect(statistics).toMatchObject({ flights: 1, unlocated: 1 })
    expect(statistics.airspace.busiest(1)).toEqual([])
    expect(statistics.airportsTable(2, airports).map(({ city }) => city)).toEqual(['', 'Chicago'])
  })

  it('ranks routes by their p90 delay and airports by their movements', () => {
    const statistics = statisticsOf(flights)
    const routes = statistics.worstRoutes(10)
    expect(routes.length).toBe(10)
    expect(routes.map(({ p90 }) => p90)).toEqual(routes.map(({ p90 }) => p90).sort((a, b) => b - a))
    expect(routes.every((row) => row.flights >= 5)).toBe(true)
    const [first, second] = statistics.airportsTable(2, airports)
    expect(first!.departures + first!.arrivals).toBeGreaterThanOrEqual(second!.departures + second!.arrivals)
    expect(first!.balance).toBe(first!.arrivals - first!.departures)
    expect(first!.state).toMatch(/^[A-Z]{2}$/)
    const [p50, p90, p99] = statistics.percentiles()
    expect(p50!).toBeLessThan(p90!)
    expect(p90!).toBeLessThan(p99!)
  })
})
