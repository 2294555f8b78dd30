import type { MillraceEvent } from '../event/event.ts'
import { raiseAttempts } from '../lane/outcome.ts'
import { AttemptContext, type EventContext, type WorkerScope } from './context.ts'
import type { Handler } from './handlers.ts'
import type { Attempt } from './resilience.ts'

/** The attempts of one handler with policies at one event: each has an event and a context of its own (decision 12). */
export class Attempts {
  /** The number of the last that was begun. */
  last: number
  private readonly scope: WorkerScope
  private readonly event: MillraceEvent
  private readonly context: EventContext
  private readonly words: Int32Array
  private readonly at: number
  private readonly events: MillraceEvent[] = []

  /** For the record at `at` of `words`. */
  constructor(
    scope: WorkerScope,
    event: MillraceEvent,
    context: EventContext,
    words: Int32Array,
    at: number,
  ) {
    this.scope = scope
    this.event = event
    this.context = context
    this.words = words
    this.at = at
    this.last = event.attempt
  }

  /** Calls the handler; before that, the record says how often. */
  begin(handler: Handler, attempt: Attempt): unknown {
    // Nobody waits for it any more, and the record may be another worker's.
    if (this.scope.isCancelled()) return new Promise(() => {})
    this.last = attempt.number
    raiseAttempts(this.words, this.at, attempt.number)
    const event = this.event.again(attempt.number)
    this.events.push(event)
    return handler.handle(event, new AttemptContext(this.scope, this.context, attempt))
  }

  settle(): void {
    for (const event of this.events) event.settle()
  }
}
