import { InvalidEventError, isA, MillraceError } from '../errors.ts'
import type { EventInput, EventMap, PublishOptions } from '../event/publishing.ts'

/** The event again, field by field: options may be an event, whose fields are not its own. */
export function inputOf(type: string, data: unknown, options: PublishOptions = {}): EventInput {
  const { key, id, source, metadata, ttlMs, traceparent, priority } = options
  const fields = { key, id, source, metadata, ttlMs, traceparent, priority }
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return { type, data, ...Object.fromEntries(given) }
}

/** @throws InvalidEventError (`ERR_MILLRACE_INVALID_EVENT`) if it is no object. */
export function checkInput(input: unknown): EventInput<EventMap> {
  if (typeof input !== 'object' || input === null) {
    throw new InvalidEventError(
      `An event is an object with a type, not ${input === null ? 'null' : typeof input}`,
    )
  }
  return input as EventInput<EventMap>
}

/** The error of a batch, with how many of its events were accepted before. */
export function afterAccepting(events: number, thrown: unknown): unknown {
  if (isA(thrown, MillraceError)) (thrown as MillraceError).accepted = events
  return thrown
}
