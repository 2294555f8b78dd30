/** After so many readings the clock is looked at again, even if the thread has not yielded: more, as long as it shows the same then. */
const MIN_READINGS = 16
const MAX_READINGS = 256
/** Its reactions run when the synchronous run ends; `queueMicrotask` costs several times as much. */
const RUN_END = Promise.resolve()

/**
 * The time, looked up once per synchronous run: asking the system costs as much as publishing does.
 *
 * Events that are published without a turn of the microtask queue in between, up to 16, or up to 256 if they come so fast that the
 * clock shows the same millisecond, carry the same time; as with the event loop's own clock, a thread that computes for long in between is that much behind.
 */
export class Clock {
  private readonly read: () => number
  private time = 0
  private left = 0
  private readings = MIN_READINGS
  private isScheduled = false

  /** `read` asks the system; in milliseconds since 1970 if not given. */
  constructor(read: () => number = Date.now) {
    this.read = read
  }

  /** A new run begins: the next reading looks at the system's clock. */
  expire(): void {
    this.left = 0
  }

  private readonly end = (): void => {
    this.isScheduled = false
    this.left = 0
  }

  /** Whether the next reading looks at the system's clock: the first of a synchronous run, or after many. */
  get isStale(): boolean {
    return this.left <= 0
  }

  /** So many readings were the last one. */
  spend(readings: number): void {
    this.left -= readings
  }

  now(): number {
    if (this.left-- > 0) return this.time
    const time = this.read()
    this.readings = time === this.time ? Math.min(2 * this.readings, MAX_READINGS) : MIN_READINGS
    this.left = this.readings - 1
    this.time = time
    if (!this.isScheduled) {
      this.isScheduled = true
      void RUN_END.then(this.end)
    }
    return this.time
  }
}
