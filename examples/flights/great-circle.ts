export interface Position {
  /** Degrees, north and east are positive. */
  latitude: number
  longitude: number
}

const RADIANS = Math.PI / 180
/** Mean radius of the Earth, IUGG. */
const EARTH_METRES = 6_371_008.8
const METRES_PER_MILE = 1609.344

/**
 * The shortest way between two points on a sphere.
 *
 * The distance is the haversine formula (R. W. Sinnott, "Virtues of the Haversine", Sky & Telescope 68(2),
 * 1984, p. 159); initial course and intermediate points follow Ed Williams, "Aviation Formulary". A sphere is
 * off by up to about half a percent against the ellipsoid, which is what the demo looks for in reported miles.
 */
export class GreatCircle {
  /** Whole metres, so that sums over many circles do not depend on the order of adding. */
  readonly metres: number
  /** Statute miles. */
  readonly miles: number
  /** Degrees from north by east at the start, 0 <= course < 360. */
  readonly initialCourse: number

  private readonly angle: number
  private readonly from: readonly [x: number, y: number, z: number]
  private readonly to: readonly [x: number, y: number, z: number]

  constructor(from: Position, to: Position) {
    const fromLatitude = from.latitude * RADIANS
    const toLatitude = to.latitude * RADIANS
    const eastward = (to.longitude - from.longitude) * RADIANS
    const fromCos = Math.cos(fromLatitude)
    const fromSin = Math.sin(fromLatitude)
    const toCos = Math.cos(toLatitude)
    const toSin = Math.sin(toLatitude)

    const halfNorth = Math.sin((toLatitude - fromLatitude) / 2)
    const halfEast = Math.sin(eastward / 2)
    const haversine = halfNorth * halfNorth + fromCos * toCos * halfEast * halfEast
    // Rounding can push antipodes a hair above 1, where asin is NaN.
    this.angle = 2 * Math.asin(Math.min(1, Math.sqrt(haversine)))
    this.metres = Math.round(this.angle * EARTH_METRES)
    this.miles = (this.angle * EARTH_METRES) / METRES_PER_MILE

    const course = Math.atan2(
      Math.sin(eastward) * toCos,
      fromCos * toSin - fromSin * toCos * Math.cos(eastward),
    )
    this.initialCourse = (course / RADIANS + 360) % 360

    const fromLongitude = from.longitude * RADIANS
    const toLongitude = to.longitude * RADIANS
    this.from = [fromCos * Math.cos(fromLongitude), fromCos * Math.sin(fromLongitude), fromSin]
    this.to = [toCos * Math.cos(toLongitude), toCos * Math.sin(toLongitude), toSin]
  }

  /** The point after `fraction` of the way, 0 at the start and 1 at the end. */
  pointAt(fraction: number): Position {
    const sine = Math.sin(this.angle)
    // Start and end coincide, or are antipodes and every direction is as short: stay at the start.
    const a = sine === 0 ? 1 : Math.sin((1 - fraction) * this.angle) / sine
    const b = sine === 0 ? 0 : Math.sin(fraction * this.angle) / sine
    const x = a * this.from[0] + b * this.to[0]
    const y = a * this.from[1] + b * this.to[1]
    const z = a * this.from[2] + b * this.to[2]
    return {
      latitude: Math.atan2(z, Math.sqrt(x * x + y * y)) / RADIANS,
      longitude: Math.atan2(y, x) / RADIANS,
    }
  }
}

export function greatCircleMiles(from: Position, to: Position): number {
  return new GreatCircle(from, to).miles
}
