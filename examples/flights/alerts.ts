import { type Flight, routeOf, statusOf } from './flight.ts'

export interface FlightAlert {
  route: string
  /** Departure of the first flight of the run, ms. */
  since: number
  /** Minutes, of the flights that make the alert, in their order. */
  delays: number[]
}

/**
 * Raises an alert when flights of one route that follow each other are all very late. A run of bad flights
 * raises one alert however long it lasts, and the next only after a better flight.
 *
 * What is raised depends on nothing but the order of flights within each route, so threads that share out the
 * routes raise together exactly the alerts of a single thread.
 */
export class AlertRule {
  private readonly runs = new Map<string, { since: number; delays: number[] }>()
  private readonly length: number

  constructor(length = 3) {
    if (!(Number.isSafeInteger(length) && length > 0)) {
      throw new RangeError(`the length of a run must be a positive integer, got ${length}`)
    }
    this.length = length
  }

  /** Takes the next flight of its route; answers with the alert that this very flight raises, if any. */
  observe(flight: Flight): FlightAlert | undefined {
    const route = routeOf(flight)
    if (statusOf(flight.delay) !== 'very-late') {
      this.runs.delete(route)
      return undefined
    }
    let run = this.runs.get(route)
    if (run === undefined) {
      run = { since: flight.date, delays: [] }
      this.runs.set(route, run)
    }
    // A run that has raised its alert stays at full length: it is remembered, and grows no more.
    if (run.delays.length === this.length) return undefined
    run.delays.push(flight.delay)
    if (run.delays.length < this.length) return undefined
    return { route, since: run.since, delays: [...run.delays] }
  }
}
