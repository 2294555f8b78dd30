import type { EventOrigin } from '../event/origins.ts'
import { StructEvent } from '../event/struct-event.ts'
import { EventContext, type RecordSource, type WorkerScope } from './context.ts'
import type { RoutedHandler } from './routed-handler.ts'

/**
 * The call of a topic's only handler, which is just to be called. One after the other, the records of a ring are shown to it by the same context, and,
 * if they are structs, the same event, as long as it settles at once (decision 27).
 */
export class DirectCall {
  readonly topic: string
  readonly origin: EventOrigin
  readonly routed: RoutedHandler
  /** What the handler is given, once `open`. */
  context: EventContext | undefined
  /** Undefined if they are no structs: each has an event of its own. */
  event: StructEvent | undefined
  /** Whose records it is shown: undefined while it rests. */
  source: RecordSource | undefined

  constructor(topic: string, origin: EventOrigin, routed: RoutedHandler) {
    this.topic = topic
    this.origin = origin
    this.routed = routed
  }

  /** It is to be called for records of this ring. */
  open(scope: WorkerScope, source: RecordSource): void {
    const { topic, origin, context } = this
    this.rest()
    if (context === undefined || context.isKept) this.context = new EventContext(scope, source, 0, 1)
    else context.renew(source)
    const { struct } = origin
    if (struct !== undefined) this.event ??= new StructEvent(topic, 1, origin, struct, source.space)
    this.source = source
  }

  /** The records that it was called for are about to be given back. */
  rest(): void {
    if (this.source === undefined) return
    this.source = undefined
    this.context!.settle()
    this.event?.settle()
  }

  /** What the handler was given is its own: others get another one. */
  giveAway(): void {
    this.source = undefined
    this.context = undefined
    this.event = undefined
  }
}
