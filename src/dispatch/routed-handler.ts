import { DecodeError } from '../errors.ts'
import type { EventOrigin } from '../event/origins.ts'
import type { Handler } from './handlers.ts'
import type { HandlerTally } from './tally.ts'

/** A handler as one thread calls it. */
export type RoutedHandler = {
  readonly handler: Handler
  /** Among all handlers of the engine. */
  readonly number: number
  readonly tally: HandlerTally
}

/** The same for the events of this topic; if it is written for another struct than theirs, one that fails (decision 27). */
export function forTopic(routed: RoutedHandler, topic: string, { struct }: EventOrigin): RoutedHandler {
  const { handler } = routed
  const { fingerprint } = handler
  if (fingerprint === undefined || fingerprint === struct?.fingerprint) return routed
  const has = struct === undefined ? 'are no structs' : `are the struct ${struct.fingerprint}`
  const handle = (): never => {
    throw new DecodeError(
      `Handler ${handler.name} reads the struct ${fingerprint}: the data of ${topic} ${has}`,
    )
  }
  // Neither is it asked which it wants, nor are there attempts: it would be the same each time.
  return {
    ...routed,
    handler: { ...handler, handle, plain: handle, filter: undefined, resilience: undefined },
  }
}
