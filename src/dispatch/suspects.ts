import type { WorkerScope } from './context.ts'
import type { InFlight, RingDrain } from './ring-drain.ts'

/**
 * Events that were in flight when a worker died: each is handled alone, so that one that kills its worker takes no others
 * along (decision 12). What is waiting for room in `ctx.send` does not count as being handled.
 */
export class Suspects {
  private readonly scope: WorkerScope
  /** Lets rings that were held back look again. */
  private readonly unblock: () => void
  /** The one that is being handled. */
  private current: InFlight | undefined
  /** The ring whose suspect is next: nothing starts until it can be handled alone. */
  private next: RingDrain | undefined

  constructor(scope: WorkerScope, unblock: () => void) {
    this.scope = scope
    this.unblock = unblock
  }

  /** Whether events of this ring may start: not while a suspect is handled, or waits to be, unless it is this ring's. */
  mayStart(ring: RingDrain): boolean {
    if (this.current !== undefined && this.current.context!.waiting === 0) return false
    return this.next === undefined || this.next === ring
  }

  /** Whether this ring's suspect may start, beside so many others in flight. If not, nothing else starts until it may. */
  mayStartSuspect(ring: RingDrain, inFlight: number): boolean {
    const isAlone = this.current === undefined && inFlight === this.scope.waiting
    this.next = isAlone ? undefined : ring
    // A suspect that settles at once leaves no end to wait for.
    if (isAlone) this.unblock()
    return isAlone
  }

  started(record: InFlight): void {
    if (record.isSuspect) this.current = record
  }

  /** Answers whether rings were held back for its sake, or wait for such an end: they look again. */
  ended(record: InFlight): boolean {
    const isSuspect = record === this.current
    if (isSuspect) this.current = undefined
    if (!isSuspect && this.next === undefined) return false
    this.unblock()
    return true
  }
}
