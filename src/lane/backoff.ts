const FIRST_MS = 20
const LAST_MS = 1_000

/** How long to leave alone what has failed: twice as long after each further failure, up to a second. */
export class Backoff {
  private ms = 0
  private until = 0

  /** Whether it may be tried. */
  get isOver(): boolean {
    return this.ms === 0 || performance.now() >= this.until
  }

  failed(): void {
    this.ms = Math.min(Math.max(FIRST_MS, 2 * this.ms), LAST_MS)
    this.until = performance.now() + this.ms
  }

  succeeded(): void {
    this.ms = 0
  }
}
