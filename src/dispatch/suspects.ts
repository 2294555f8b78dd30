import { performance } from 'node:perf_hooks'
import type { WorkerScope } from './context.ts'
import type { InFlight, RingDrain } from './ring-drain.ts'

/** So long others are held back for the sake of one. */
const PATIENCE_MS = 1_000

/**
 * Events that were in flight when a worker died: each is handled alone, so that one that kills its worker takes no others
 * along (decision 12). What is waiting for room in `ctx.send` does not count as being handled.
 *
 * Whoever was held back has a turn before the next one, as long as they were if need be. And nobody waits for long: if one takes longer than that, or others do
 * that must settle before it, suspects are handled beside others from then on.
 */
export class Suspects {
  private readonly scope: WorkerScope
  /** Lets rings that were held back look again. */
  private readonly unblock: () => void
  /** Those that are being handled: one, and others that wait for room. */
  private readonly handled = new Set<InFlight>()
  /** The ring whose suspect is next: nothing starts until it can be handled alone. */
  private next: RingDrain | undefined
  /** Rings are held back, since then. */
  private heldSince: number | undefined
  /** They have their turn, until then at most: no suspect starts. */
  private turnEnd: number | undefined
  private timer: NodeJS.Timeout | undefined
  /** It took too long: suspects are handled beside others. */
  private isOver = false

  constructor(scope: WorkerScope, unblock: () => void) {
    this.scope = scope
    this.unblock = unblock
  }

  /** Whether events of this ring may start: not while a suspect is handled, or waits to be, unless it is this ring's. */
  mayStart(ring: RingDrain): boolean {
    if (this.isOver || this.turnEnd !== undefined) return true
    if (!this.isHandling && (this.next === undefined || this.next === ring)) return true
    this.heldSince ??= performance.now()
    return false
  }

  /** Whether this ring's suspect may start, beside so many others in flight. If not, nothing else starts until it may. */
  mayStartSuspect(ring: RingDrain, inFlight: number): boolean {
    if (this.isOver) return true
    if (this.turnEnd !== undefined) return false
    if (inFlight !== this.scope.waiting) {
      this.next = ring
      this.mindTheTime()
      return false
    }
    this.next = undefined
    // A suspect that settles at once leaves no end to wait for.
    this.unblock()
    return true
  }

  started(record: InFlight): void {
    if (!record.isSuspect) return
    this.handled.add(record)
    this.mindTheTime()
  }

  /** Answers whether rings were held back for its sake, or wait for such an end: they look again. */
  ended(record: InFlight): boolean {
    const wasSuspect = this.handled.delete(record)
    if (wasSuspect && this.handled.size === 0) {
      this.rest()
      this.beginTurn()
    }
    if (!wasSuspect && this.next === undefined) return false
    this.unblock()
    return true
  }

  /** All lanes have been looked at, and so many events were dispatched. */
  passed(dispatched: number): void {
    if (this.turnEnd !== undefined) {
      if (dispatched > 0 && performance.now() < this.turnEnd) return
      this.turnEnd = undefined
      this.unblock()
    } else if (this.handled.size === 0 && this.next === undefined) {
      this.heldSince = undefined
      this.rest()
    }
  }

  private get isHandling(): boolean {
    for (const record of this.handled) if (record.context!.waiting === 0) return true
    return false
  }

  /** Those who were held back get as long as they were. */
  private beginTurn(): void {
    if (this.heldSince === undefined) return
    const now = performance.now()
    this.turnEnd = now + (now - this.heldSince)
    this.heldSince = undefined
  }

  private mindTheTime(): void {
    this.timer ??= setTimeout(() => this.lose(), PATIENCE_MS).unref()
  }

  private rest(): void {
    if (this.timer === undefined) return
    clearTimeout(this.timer)
    this.timer = undefined
  }

  /** Patience is over. */
  private lose(): void {
    this.isOver = this.handled.size > 0 || this.next !== undefined
    this.next = undefined
    this.rest()
    this.unblock()
  }
}
