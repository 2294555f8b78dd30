import { setImmediate } from 'node:timers/promises'

type Sample = { readonly hours: number; readonly heap: number; readonly resident: number }

const MB = 2 ** 20
const HOUR_MS = 3_600_000
/** The first part of a run is its warm-up. */
const WARM_UP = 0.25

/** The memory of this thread, and of the process, over time. Needs `--expose-gc`. */
export class Memory {
  private readonly samples: Sample[] = []

  /** While all is at rest. */
  async sample(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      globalThis.gc!()
      await setImmediate()
    }
    const { heapUsed, external, rss } = process.memoryUsage()
    this.samples.push({
      hours: performance.now() / HOUR_MS,
      heap: (heapUsed + external) / MB,
      resident: rss / MB,
    })
  }

  /** What the median pair of samples says (Theil and Sen). What the process holds grows with each thread that comes and goes, in Node itself (nodejs/node#51868). */
  growth(): { heapMb: number; heapMbPerHour: number; residentMb: number; residentMbPerHour: number } {
    const samples = this.samples.slice(Math.floor(this.samples.length * WARM_UP))
    const last = samples.at(-1) ?? { heap: 0, resident: 0 }
    return {
      heapMb: round(last.heap),
      heapMbPerHour: round(slope(samples.map(({ hours, heap }) => [hours, heap]))),
      residentMb: round(last.resident),
      residentMbPerHour: round(slope(samples.map(({ hours, resident }) => [hours, resident]))),
    }
  }
}

function slope(points: readonly (readonly [number, number])[]): number {
  const slopes = points.flatMap(([x, y], index) =>
    points.slice(index + 1).map(([x2, y2]) => (y2 - y) / (x2 - x)),
  )
  return slopes.sort((a, b) => a - b)[slopes.length >> 1] ?? 0
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
