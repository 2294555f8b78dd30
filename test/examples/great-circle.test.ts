import { describe, expect, it } from 'vitest'
import { loadAirports } from '../../examples/flights/dataset.ts'
import { GreatCircle, greatCircleMiles } from '../../examples/flights/great-circle.ts'

// The worked example of Ed Williams' Aviation Formulary.
const LAX = { latitude: 33 + 57 / 60, longitude: -(118 + 24 / 60) }
const JFK = { latitude: 40 + 38 / 60, longitude: -(73 + 47 / 60) }
const MILES_PER_RADIAN = 6_371_008.8 / 1609.344

describe('GreatCircle', () => {
  it('agrees with the worked example from Los Angeles to New York', () => {
    const circle = new GreatCircle(LAX, JFK)
    expect(circle.miles / MILES_PER_RADIAN).toBeCloseTo(0.623585, 6)
    expect(circle.initialCourse).toBeCloseTo(65.8922, 2)
    const point = circle.pointAt(0.4)
    expect(point.latitude).toBeCloseTo(38 + 40.167 / 60, 4)
    expect(point.longitude).toBeCloseTo(-(101 + 37.57 / 60), 4)
  })

  it('agrees with the known distance from Nashville to Los Angeles', () => {
    // 2,887.26 km on a sphere of 6,372.8 km, which is 2,886.45 km on that of the mean radius.
    const circle = new GreatCircle(
      { latitude: 36.12, longitude: -86.67 },
      { latitude: 33.94, longitude: -118.4 },
    )
    expect(circle.metres).toBe(Math.round((2_887_259.95 * 6_371_008.8) / 6_372_800))
    expect(circle.miles).toBeCloseTo(circle.metres / 1609.344, 3)
  })

  it('is a quarter of the way round from the pole to the equator', () => {
    const pole = { latitude: 90, longitude: 0 }
    const circle = new GreatCircle(pole, { latitude: 0, longitude: 30 })
    expect(circle.miles).toBeCloseTo((MILES_PER_RADIAN * Math.PI) / 2, 6)
    expect(circle.pointAt(1).longitude).toBeCloseTo(30, 9)
    expect(circle.pointAt(0.5).latitude).toBeCloseTo(45, 9)
  })

  it('knows its courses by the compass', () => {
    const centre = { latitude: 0, longitude: 0 }
    const courses = [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ].map(([latitude, longitude]) => new GreatCircle(centre, { latitude: latitude!, longitude: longitude! }))
    expect(courses.map((circle) => Math.round(circle.initialCourse))).toEqual([0, 90, 180, 270])
  })

  it('crosses the date line the short way, and stays put on a flight to nowhere', () => {
    const circle = new GreatCircle({ latitude: 10, longitude: 179 }, { latitude: 10, longitude: -179 })
    expect(circle.miles).toBeLessThan(150)
    expect(Math.abs(circle.pointAt(0.5).longitude)).toBeCloseTo(180, 9)
    const nowhere = new GreatCircle(LAX, LAX)
    expect(nowhere.metres).toBe(0)
    expect(nowhere.pointAt(0.5).latitude).toBeCloseTo(LAX.latitude, 9)
  })

  it('comes within one percent of the 2,475 miles that airlines report from LAX to JFK', async () => {
    const airports = await loadAirports()
    const miles = greatCircleMiles(airports.get('LAX')!, airports.get('JFK')!)
    expect(Math.abs(miles / 2475 - 1)).toBeLessThan(0.01)
  })
})
