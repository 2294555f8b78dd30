import type { FlightPath } from './flight-path.ts'
import type { Position } from './great-circle.ts'

/** Sparse: slot, count, slot, count, ... in rising order of slot. */
export type AirspaceSnapshot = number[]

export interface BusyCell {
  /** The middle of the cell. */
  latitude: number
  longitude: number
  /** Hour of the day, UTC. */
  hour: number
  /** Aircraft seen in the cell in this hour, summed over all sweeps of all days. */
  sightings: number
}

const CELL_DEGREES = 1
const CELLS_EAST = 360 / CELL_DEGREES
const CELLS_NORTH = 180 / CELL_DEGREES
const CELLS = CELLS_EAST * CELLS_NORTH
/** Sixteen miles of flight: well below the width of a cell, so that no cell on the way is jumped over. */
const SWEEP_MINUTES = 2

/**
 * How full the sky is. Every two minutes a sweep sees each aircraft in the air and counts it in the cell of one
 * by one degree, and the hour, where the great circle has it by then. When a sweep meets a flight depends on
 * the minute of its departure, so this is work for each flight and not for each route.
 */
export class Airspace {
  private readonly sightings = new Uint32Array(24 * CELLS)

  follow({ circle, takeOff, minutesInAir }: FlightPath): void {
    const first = Math.ceil(takeOff / SWEEP_MINUTES) * SWEEP_MINUTES
    for (let sweep = first; sweep < takeOff + minutesInAir; sweep += SWEEP_MINUTES) {
      const hour = Math.floor(sweep / 60) % 24
      const cell = cellOf(circle.pointAt((sweep - takeOff) / minutesInAir))
      this.sightings[hour * CELLS + cell]!++
    }
  }

  busiest(limit: number): BusyCell[] {
    const slots: number[] = []
    for (let slot = 0; slot < this.sightings.length; slot++) if (this.sightings[slot] !== 0) slots.push(slot)
    slots.sort((a, b) => this.sightings[b]! - this.sightings[a]! || a - b)
    return slots.slice(0, limit).map((slot) => {
      const cell = slot % CELLS
      return {
        latitude: (Math.floor(cell / CELLS_EAST) + 0.5) * CELL_DEGREES - 90,
        longitude: ((cell % CELLS_EAST) + 0.5) * CELL_DEGREES - 180,
        hour: Math.floor(slot / CELLS),
        sightings: this.sightings[slot]!,
      }
    })
  }

  merge(other: Airspace): void {
    for (let slot = 0; slot < this.sightings.length; slot++) this.sightings[slot]! += other.sightings[slot]!
  }

  toSnapshot(): AirspaceSnapshot {
    const pairs: number[] = []
    for (let slot = 0; slot < this.sightings.length; slot++) {
      if (this.sightings[slot] !== 0) pairs.push(slot, this.sightings[slot]!)
    }
    return pairs
  }

  static fromSnapshot(snapshot: AirspaceSnapshot): Airspace {
    const airspace = new Airspace()
    for (let i = 0; i < snapshot.length; i += 2) airspace.sightings[snapshot[i]!] = snapshot[i + 1]!
    return airspace
  }
}

/** The poles and the date line belong to the last cell before them. */
function cellOf({ latitude, longitude }: Position): number {
  const north = Math.min(CELLS_NORTH - 1, Math.floor((latitude + 90) / CELL_DEGREES))
  const east = Math.min(CELLS_EAST - 1, Math.floor((longitude + 180) / CELL_DEGREES))
  return north * CELLS_EAST + east
}
