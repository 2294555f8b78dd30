import { DelaySketch, type SketchSnapshot } from './delay-sketch.ts'
import { statusOf } from './flight.ts'

export interface PunctualitySnapshot {
  onTime: number
  late: number
  veryLate: number
  delayMinutes: number
  delays: SketchSnapshot
}

/** How punctual a group of flights was: a route, an airport, an hour. Integer state, so it merges exactly. */
export class Punctuality {
  onTime = 0
  late = 0
  veryLate = 0
  /** Sum of all delays, early arrivals included. */
  delayMinutes = 0
  delays = new DelaySketch()

  get flights(): number {
    return this.onTime + this.late + this.veryLate
  }

  get onTimeShare(): number {
    return this.flights === 0 ? Number.NaN : this.onTime / this.flights
  }

  add(delay: number): void {
    const status = statusOf(delay)
    if (status === 'on-time') this.onTime++
    else if (status === 'late') this.late++
    else this.veryLate++
    this.delayMinutes += delay
    this.delays.add(delay)
  }

  merge(other: Punctuality): void {
    this.onTime += other.onTime
    this.late += other.late
    this.veryLate += other.veryLate
    this.delayMinutes += other.delayMinutes
    this.delays.merge(other.delays)
  }

  toSnapshot(): PunctualitySnapshot {
    return {
      onTime: this.onTime,
      late: this.late,
      veryLate: this.veryLate,
      delayMinutes: this.delayMinutes,
      delays: this.delays.toJSON(),
    }
  }

  static fromSnapshot(snapshot: PunctualitySnapshot): Punctuality {
    const punctuality = new Punctuality()
    punctuality.onTime = snapshot.onTime
    punctuality.late = snapshot.late
    punctuality.veryLate = snapshot.veryLate
    punctuality.delayMinutes = snapshot.delayMinutes
    punctuality.delays = DelaySketch.fromJSON(snapshot.delays)
    return punctuality
  }
}
