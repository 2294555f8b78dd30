import type { WorkerScope } from './context.ts'
import type { InFlight, RingDrain } from './ring-drain.ts'

/** So long others are held back for the sake of one. */
const PATIENCE_MS = 1_000

/**
 * Events that were in flight when a worker died: each is handled alone, so that one that kills its worker takes no others
 * along (decision 12). What is waiting for room in `ctx.send` does not count as being handled.
 *
 * But nobody waits for long: handlers that take longer than that to settle go on beside others from then on.
 */
export class Suspects {
  private readonly scope: WorkerScope
  /** Lets rings that were held back look again. */
  private readonly unblock: () => void
  /** The one that is being handled. */
  private current: InFlight | undefined
  /** The ring whose suspect is next: nothing starts until it can be handled alone. */
  private next: RingDrain | undefined
  private timer: NodeJS.Timeout | undefined
  /** It took too long: suspects are handled beside others. */
  private isOver = false

  constructor(scope: WorkerScope, unblock: () => void) {
    this.scope = scope
    this.unblock = unblock
  }

  /** Whether events of this ring may start: not while a suspect is handled, or waits to be, unless it is this ring's. */
  mayStart(ring: RingDrain): boolean {
    if (this.isOver) return true
    if (this.current !== undefined && this.current.context!.waiting === 0) return false
    return this.next === undefined || this.next === ring
  }

  /** Whether this ring's suspect may start, beside so many others in flight. If not, nothing else starts until it may. */
  mayStartSuspect(ring: RingDrain, inFlight: number): boolean {
    if (this.isOver) return true
    const isAlone = this.current === undefined && inFlight === this.scope.waiting
    if (!isAlone) {
      this.next = ring
      this.timer ??= setTimeout(() => this.lose(), PATIENCE_MS).unref()
      return false
    }
    this.next = undefined
    this.rest()
    // A suspect that settles at once leaves no end to wait for.
    this.unblock()
    return true
  }

  started(record: InFlight): void {
    if (!record.isSuspect) return
    this.current = record
    this.timer ??= setTimeout(() => this.lose(), PATIENCE_MS).unref()
  }

  /** Answers whether rings were held back for its sake, or wait for such an end: they look again. */
  ended(record: InFlight): boolean {
    const isSuspect = record === this.current
    if (isSuspect) {
      this.current = undefined
      this.rest()
    }
    if (!isSuspect && this.next === undefined) return false
    this.unblock()
    return true
  }

  private rest(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  /** Patience is over. */
  private lose(): void {
    this.isOver = this.current !== undefined || this.next !== undefined
    this.next = undefined
    this.rest()
    this.unblock()
  }
}
