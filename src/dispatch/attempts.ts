import type { MillraceEvent } from '../event/event.ts'
import { AttemptContext } from './attempt-context.ts'
import type { EventContext, WorkerScope } from './context.ts'
import type { Handler } from './handlers.ts'
import type { Attempt } from './resilience.ts'

/** The attempts of one handler with policies at one event: each has an event and a context of its own (decision 12). */
export class Attempts {
  /** The number of the last that was begun. */
  last: number
  private readonly scope: WorkerScope
  private readonly event: MillraceEvent
  private readonly context: EventContext
  private readonly events: MillraceEvent[] = []
  private current: AttemptContext | undefined

  constructor(scope: WorkerScope, event: MillraceEvent, context: EventContext) {
    this.scope = scope
    this.event = event
    this.context = context
    this.last = event.attempt
  }

  /** Calls the handler; before that, the record says how often. */
  begin(handler: Handler, attempt: Attempt): unknown {
    // Nobody waits for it any more, and the record may be another worker's.
    if (this.scope.isCancelled()) return new Promise(() => {})
    this.last = attempt.number
    this.context.begin(attempt.number)
    this.context.goOn()
    const event = this.event.again(attempt.number)
    this.events.push(event)
    this.current = new AttemptContext(this.scope, this.context, attempt)
    return handler.handle(event, this.current)
  }

  /** The attempt is over, if it was begun. */
  end(): void {
    this.current?.ended()
    this.current = undefined
  }

  settle(): void {
    for (const event of this.events) event.settle()
  }
}
