import type { FlightAlert } from './alerts.ts'
import type { Flight, Status } from './flight.ts'
import type { SnapshotPart } from './snapshot-parts.ts'

export type FlightTopic = `flight.${string}.${Status}`

/** The topics of the demo. */
export type FlightEvents = {
  [topic: FlightTopic]: Flight
  'alert.route': FlightAlert
  /** Asks the worker that gets it for its statistics. */
  'report.wanted': undefined
  'report.part': SnapshotPart
}
