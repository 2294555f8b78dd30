import { describe, expect, it } from 'vitest'
import { type Flight, loadAirports, openFlights } from '../../examples/flights/dataset.ts'

describe('openFlights', () => {
  it('says three million, and begins with New Year 2001', async () => {
    const { rows, chunks } = await openFlights()
    expect(rows).toBe(3_000_000)
    const first: Flight[] = []
    for await (const flights of chunks) {
      first.push(...flights.slice(0, 3))
      break
    }
    const date = Date.UTC(2001, 0, 1, 0, 1)
    expect(first).toEqual([
      { date, delay: 33, distance: 2176, origin: 'LAS', destination: 'PHL' },
      { date, delay: 19, distance: 215, origin: 'ATL', destination: 'SAV' },
      { date, delay: 14, distance: 405, origin: 'MCI', destination: 'MDW' },
    ])
  })

  it('gives exactly the rows asked for across the border of a row group, in order of departure', async () => {
    // The first row group ends at row 272,727.
    const { rows, chunks } = await openFlights({ rows: 280_000 })
    expect(rows).toBe(280_000)
    let count = 0
    let last = 0
    let unordered = 0
    const sizes: number[] = []
    for await (const flights of chunks) {
      sizes.push(flights.length)
      for (const { date } of flights) {
        if (!(date >= last)) unordered++
        last = date
      }
      count += flights.length
    }
    expect(count).toBe(280_000)
    expect(unordered).toBe(0)
    expect(new Date(last).toISOString()).toMatch(/^2001-01-1[78]T/)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536)
  })

  it('can be walked through again', async () => {
    const { chunks } = await openFlights({ rows: 10 })
    const walks: Flight[][] = []
    for (let walk = 0; walk < 2; walk++) for await (const flights of chunks) walks.push(flights)
    expect(walks.map((flights) => flights.length)).toEqual([10, 10])
    expect(walks[0]).toEqual(walks[1])
  })

  it('takes no rows and too many rows, and refuses half a row', async () => {
    const none: Flight[][] = []
    for await (const flights of (await openFlights({ rows: 0 })).chunks) none.push(flights)
    expect(none).toEqual([])
    expect((await openFlights({ rows: 9_000_000 })).rows).toBe(3_000_000)
    await expect(openFlights({ rows: 1.5 })).rejects.toThrow(RangeError)
    await expect(openFlights({ rows: -1 })).rejects.toThrow(RangeError)
  })
})

describe('loadAirports', () => {
  it('knows all airports, those with a comma in their name too', async () => {
    const airports = await loadAirports()
    expect(airports.size).toBe(3376)
    expect(airports.get('ORD')).toMatchObject({ city: 'Chicago', state: 'IL' })
    expect(airports.get('ORD')!.latitude).toBeCloseTo(41.98, 2)
    expect(airports.get('BTR')).toMatchObject({ name: 'Baton Rouge Metropolitan, Ryan', city: 'Baton Rouge' })
    expect([...airports.values()].every((a) => Number.isFinite(a.latitude + a.longitude))).toBe(true)
  })
})
