import type { Airport } from './dataset.ts'
import type { Flight } from './flight.ts'
import { GreatCircle } from './great-circle.ts'

/** A rough flight: a quarter of an hour from the gate into the air, another for climb and descent, 480 mph. */
const TAXI_MINUTES = 15
const CLIMB_MINUTES = 15
const MILES_PER_MINUTE = 8

/** Where and when a flight was in the air: along the great circle, by an estimate of its speed. */
export class FlightPath {
  readonly circle: GreatCircle
  /** Minutes since 1970, UTC. */
  readonly takeOff: number
  readonly minutesInAir: number
  /** Hour of the day at the clock of the destination. */
  readonly landingHour: number

  constructor(flight: Flight, from: Airport, to: Airport) {
    this.circle = new GreatCircle(from, to)
    this.takeOff = Math.floor(flight.date / 60_000) - zoneMinutes(from) + TAXI_MINUTES
    this.minutesInAir = Math.round(CLIMB_MINUTES + this.circle.miles / MILES_PER_MINUTE)
    this.landingHour = Math.floor((this.takeOff + this.minutesInAir + zoneMinutes(to)) / 60) % 24
  }
}

/**
 * The clock of a place against UTC, from its longitude: nautical time. Legal time zones are an hour off here and
 * there, and summer time is left out; for the traffic by hour that is near enough.
 */
function zoneMinutes(airport: Airport): number {
  return Math.round(airport.longitude / 15) * 60
}
