import type { Ticket } from '../../native-free-ring/src/index.ts'
import { EventContext, type WorkerScope } from './context.ts'
import { follow, lookingController } from './looking-signal.ts'
import type { Attempt } from './resilience.ts'

/** The context of one attempt of a handler with policies. */
export class AttemptContext extends EventContext {
  private readonly whole: EventContext
  private readonly limits: Attempt
  private isOver = false

  constructor(scope: WorkerScope, whole: EventContext, limits: Attempt) {
    super(scope, whole.origin, whole.at, limits.number)
    this.flown = whole.flown
    this.whole = whole
    this.limits = limits
  }

  override get cancelled(): boolean {
    const { deadline, signal } = this.limits
    return this.whole.cancelled || signal.aborted || performance.now() >= deadline
  }

  protected override control(): AbortController {
    const controller = lookingController(() => this.cancelled)
    follow(controller, this.whole.signal)
    // Without a time limit it never aborts, and is the same for all.
    if (this.limits.deadline < Number.POSITIVE_INFINITY) follow(controller, this.limits.signal)
    return controller
  }

  override get asked(): Ticket[] {
    return this.whole.asked
  }

  /** @internal The attempt is over, whatever its handler still does. */
  override ended(): void {
    this.isOver = true
    for (; this.waiting > 0; this.waiting--) this.whole.endWait()
    this.whole.ended()
  }

  override beginWait(): void {
    if (this.isOver) return
    this.waiting++
    this.whole.beginWait()
  }

  override endWait(): void {
    if (this.isOver) return
    this.waiting--
    this.whole.endWait()
  }
}
