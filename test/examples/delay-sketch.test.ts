import { beforeAll, describe, expect, it } from 'vitest'
import { openFlights } from '../../examples/flights/dataset.ts'
import { DelaySketch, RELATIVE_ERROR } from '../../examples/flights/delay-sketch.ts'

function sketchOf(values: Iterable<number>): DelaySketch {
  const sketch = new DelaySketch()
  for (const value of values) sketch.add(value)
  return sketch
}

describe('DelaySketch', () => {
  let delays: number[] = []

  beforeAll(async () => {
    const { chunks } = await openFlights({ rows: 20_000 })
    for await (const flights of chunks) delays = delays.concat(flights.map((flight) => flight.delay))
  })

  it('answers real delays within the stated relative error, early arrivals included', () => {
    const sketch = sketchOf(delays)
    const sorted = [...delays].sort((a, b) => a - b)
    expect(sorted.length).toBe(20_000)
    expect(sorted[0]).toBeLessThan(0)
    expect(sketch.count).toBe(20_000)
    for (let permille = 0; permille <= 1000; permille++) {
      const q = permille / 1000
      const exact = sorted[Math.floor(q * (sorted.length - 1))]!
      const error = Math.abs(sketch.quantile(q) - exact)
      expect(error, `q=${q} exact=${exact}`).toBeLessThanOrEqual(Math.abs(exact) * RELATIVE_ERROR + 1e-9)
    }
  })

  it('keeps the error for every whole number up to ten thousand, and its mirror image', () => {
    for (let value = 0; value <= 10_000; value++) {
      expect(Math.abs(sketchOf([value]).quantile(0.5) - value)).toBeLessThanOrEqual(
        value * RELATIVE_ERROR + 1e-9,
      )
      expect(sketchOf([-value]).quantile(0.5)).toBeCloseTo(-sketchOf([value]).quantile(0.5), 12)
    }
  })

  it('has the same state however the values were split and merged', () => {
    const parts = [0, 1, 2].map((part) => sketchOf(delays.filter((_, i) => i % 3 === part)))
    const merged = new DelaySketch()
    for (const part of parts.reverse()) merged.merge(part)
    expect(merged.toJSON()).toEqual(sketchOf(delays).toJSON())
    expect(merged.count).toBe(20_000)
  })

  it('grows when the merged sketch is wider, and leaves the other alone', () => {
    const narrow = sketchOf([1])
    const wide = sketchOf([-100_000, 100_000])
    narrow.merge(wide)
    expect(narrow.toJSON()).toEqual(sketchOf([1, 100_000, -100_000]).toJSON())
    expect(wide.toJSON()).toEqual(sketchOf([-100_000, 100_000]).toJSON())
  })

  it('comes back from JSON with its counts, and can go on', () => {
    const sketch = sketchOf(delays)
    const back = DelaySketch.fromJSON(JSON.parse(JSON.stringify(sketch)))
    expect(back.count).toBe(20_000)
    back.add(7)
    sketch.add(7)
    expect(back.toJSON()).toEqual(sketch.toJSON())
  })

  it('is NaN when empty, and refuses what it cannot count', () => {
    expect(new DelaySketch().quantile(0.5)).toBeNaN()
    expect(DelaySketch.fromJSON(new DelaySketch().toJSON()).count).toBe(0)
    expect(() => new DelaySketch().add(0.5)).toThrow(RangeError)
    expect(() => new DelaySketch().add(Number.NaN)).toThrow(RangeError)
    expect(() => sketchOf([1]).quantile(1.5)).toThrow(RangeError)
  })
})
