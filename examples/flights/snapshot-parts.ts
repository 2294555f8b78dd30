import { FlightStatistics, type StatisticsSnapshot } from './statistics.ts'

/** A piece of a worker's statistics: a snapshot is larger than an event may be. */
export interface SnapshotPart {
  workerId: number
  index: number
  count: number
  text: string
}

const PART_LENGTH = 60_000

export function toParts(workerId: number, statistics: FlightStatistics): SnapshotPart[] {
  const text = JSON.stringify(statistics.toSnapshot())
  const count = Math.ceil(text.length / PART_LENGTH)
  return Array.from({ length: count }, (_, index) => ({
    workerId,
    index,
    count,
    text: text.slice(index * PART_LENGTH, (index + 1) * PART_LENGTH),
  }))
}

/** Puts the parts of all workers together again, and their statistics into one. */
export class PartCollector {
  private readonly parts = new Map<number, string[]>()
  private readonly done = new Set<number>()
  readonly statistics = new FlightStatistics()

  /** Takes a part; parts of one worker come in order. */
  add(part: SnapshotPart): void {
    const texts = this.parts.get(part.workerId) ?? []
    if (texts.length !== part.index)
      throw new Error(`Part ${part.index} of worker ${part.workerId} is out of order`)
    texts.push(part.text)
    this.parts.set(part.workerId, texts)
    if (texts.length < part.count) return
    this.done.add(part.workerId)
    const snapshot = JSON.parse(texts.join('')) as StatisticsSnapshot
    this.statistics.merge(FlightStatistics.fromSnapshot(snapshot))
  }

  /** How many workers have reported. */
  get workers(): number {
    return this.done.size
  }
}
