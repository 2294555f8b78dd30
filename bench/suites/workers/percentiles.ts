/** Latencies of one round, in nanoseconds: every one of them is kept. */
export class Percentiles {
  private readonly values = new Float64Array(4_000_000)
  private count = 0

  add(nanoseconds: number): void {
    if (this.count < this.values.length) this.values[this.count++] = nanoseconds
  }

  take(): { count: number; p50: number; p99: number; p999: number } {
    const { count } = this
    const sorted = this.values.subarray(0, count).sort()
    const at = (part: number): number => sorted[Math.min(count - 1, Math.floor(part * count))] ?? Number.NaN
    this.count = 0
    return { count, p50: at(0.5), p99: at(0.99), p999: at(0.999) }
  }
}

/** Of a clock that all threads share; relative to a moment of today, so that nanoseconds fit a double. */
export function nowNs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return (seconds % 1_000_000) * 1e9 + nanoseconds
}
