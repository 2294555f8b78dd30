import type { FlightReader } from '../dispatch/flight.ts'
import { StuckError } from '../errors.ts'

/** A worker that is watched. */
export type Watched = {
  readonly workerId: number
  readonly flight: FlightReader
  /** Its heart beats, unless it is stuck. */
  readonly isRunning: boolean
}

/** How a worker was found at the last look. */
type Seen = { beats: number; since: number; watchedMs: number; toldMs: number }

/**
 * Looks whether workers mind their lanes, and names the handler of one that does not, while it hangs.
 *
 * In the engine's thread, by a timer that does not keep the process alive. Tells again whenever the time has doubled.
 */
export class Watchdog {
  private readonly workers: readonly Watched[]
  private readonly stuckMs: number
  private readonly handlerName: (handler: number) => string | undefined
  private readonly onStuck: (error: StuckError) => void
  private readonly seen = new Map<Watched, Seen>()
  private readonly periodMs: number
  private readonly timer: NodeJS.Timeout | undefined
  private lookedAt = Date.now()

  constructor(
    workers: readonly Watched[],
    stuckMs: number,
    handlerName: (handler: number) => string | undefined,
    onStuck: (error: StuckError) => void,
  ) {
    this.workers = workers
    this.stuckMs = stuckMs
    this.handlerName = handlerName
    this.onStuck = onStuck
    this.periodMs = Math.min(1_000, stuckMs / 4)
    if (stuckMs === Number.POSITIVE_INFINITY) return
    this.timer = setInterval(() => this.look(), this.periodMs)
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private look(): void {
    const now = Date.now()
    // A look that comes late says nothing of the time before it: the whole machine may have slept.
    const watched = Math.min(now - this.lookedAt, 2 * this.periodMs)
    this.lookedAt = now
    for (const worker of this.workers) {
      const seen = this.seen.get(worker)
      const { beats } = worker.flight
      if (seen === undefined || seen.beats !== beats || !worker.isRunning) {
        this.seen.set(worker, { beats, since: now, watchedMs: 0, toldMs: this.stuckMs / 2 })
        continue
      }
      seen.watchedMs += watched
      if (seen.watchedMs < 2 * seen.toldMs) continue
      seen.toldMs = seen.watchedMs
      this.onStuck(this.describe(worker, seen.since, now - seen.since))
    }
  }

  private describe({ workerId, flight }: Watched, since: number, forMs: number): StuckError {
    const handler = flight.handler < 0 ? undefined : this.handlerName(flight.handler)
    const { event } = flight
    const inFlight = () => flight.events().filter(({ outcome }) => outcome === undefined)
    const events = handler === undefined ? inFlight() : event === undefined ? [] : [event]
    const what =
      handler === undefined
        ? `one of the handlers of ${events.length} events in flight`
        : `handler ${handler}${event === undefined ? '' : `, on event ${event.id} of type ${event.type},`}`
    const message = `Worker ${workerId} is stuck: ${what} has blocked its thread for ${forMs} ms`
    return new StuckError(message, { workerId, handler, events, since, forMs })
  }
}
