/** Restarts at once, and how many more are allowed per second. */
const BURST = 100
const PER_SECOND = 5

/**
 * How often one worker may be replaced: threads that come and go by the hundred cost memory that Node does not give back
 * (nodejs/node#51868). A token bucket.
 */
export class RestartBudget {
  private tokens = BURST
  private filledAt = performance.now()

  /** Takes one; answers how long to wait for it, in milliseconds. */
  take(): number {
    const now = performance.now()
    this.tokens = Math.min(BURST, this.tokens + ((now - this.filledAt) * PER_SECOND) / 1_000)
    this.filledAt = now
    this.tokens--
    return this.tokens >= 0 ? 0 : (-this.tokens / PER_SECOND) * 1_000
  }
}
