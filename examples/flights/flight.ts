/** One flight as the Bureau of Transportation Statistics reports it. All numbers are integers. */
export interface Flight {
  /** Actual departure, in ms since 1970, as read off the clock at the origin: use the UTC accessors only. */
  date: number
  /** Minutes behind schedule on arrival; negative is early. */
  delay: number
  /** Reported distance in statute miles. */
  distance: number
  origin: string
  destination: string
}

export type Status = 'on-time' | 'late' | 'very-late'

/** The ordering key: all flights of one route stay in the order of their departure. */
export function routeOf(flight: Pick<Flight, 'origin' | 'destination'>): string {
  return `${flight.origin}-${flight.destination}`
}

/** Fifteen minutes is where the Bureau itself begins to call a flight late. */
export function statusOf(delay: number): Status {
  if (delay < 15) return 'on-time'
  return delay < 60 ? 'late' : 'very-late'
}

/** `flight.ORD.on-time`: a handler can ask for one origin, for one status, or for everything. */
export function topicOf(flight: Pick<Flight, 'origin' | 'delay'>): `flight.${string}.${Status}` {
  return `flight.${flight.origin}.${statusOf(flight.delay)}`
}
