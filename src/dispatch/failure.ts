import type { MillraceEvent } from '../event/event.ts'
import type { EventJSON } from '../event/formats.ts'

/** The topic of events that were given up. */
export const DEAD_LETTER_TOPIC = 'millrace.dead-letter' as const

/** An error as plain data, whatever was thrown. */
export type FailureError = { name: string; message: string; stack?: string; code?: string }

/** The data of a dead letter. */
export type DeadLetter = {
  handler: string
  error: FailureError
  attempts: number
  workerId: number
  /** The event in the universal format, its data as they are; just its type if its data could not be decoded, or was too large. */
  event: Partial<EventJSON> & { event_type: string }
}

const MAX_TEXT = 4_096

/** Turns anything that was thrown into plain data, without trusting it: a getter, a proxy may throw again. */
export function describeError(thrown: unknown): FailureError {
  const name = textOf(() => (thrown as Error).name) ?? typeof thrown
  const message =
    textOf(() => (thrown instanceof Error ? thrown.message : String(thrown))) ?? 'unreadable error'
  const stack = textOf(() => (thrown as Error).stack)
  const code = textOf(() => (thrown as { code?: unknown }).code)
  return { name, message, ...(stack !== undefined && { stack }), ...(code !== undefined && { code }) }
}

function textOf(read: () => unknown): string | undefined {
  try {
    const text = read()
    return typeof text === 'string' ? text.slice(0, MAX_TEXT) : undefined
  } catch {
    return undefined
  }
}

export function deadLetter(
  handler: string,
  event: MillraceEvent,
  thrown: unknown,
  attempts: number,
  workerId: number,
): DeadLetter {
  return {
    handler,
    error: describeError(thrown),
    attempts,
    workerId,
    event: eventOf(event),
  }
}

/** The event as it was published, whatever the handler did to its data; just its type if that can't be decoded. */
function eventOf(event: MillraceEvent): DeadLetter['event'] {
  try {
    const copy = event.copy()
    // Not in the form of JSON: the letter can be published again as it was.
    return { ...copy.toJSON(), data: copy.data ?? null, metadata: copy.metadata ?? {} }
  } catch {
    return { event_type: event.type }
  }
}
