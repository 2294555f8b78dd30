import type { MillraceEvent } from '../event/event.ts'
import type { EventJSON } from '../event/formats.ts'
import { isInBlock } from '../event/record-copy.ts'
import type { FailureError } from '../event/thrown.ts'

/** What a dead letter says beside its event. */
export type LetterHead = {
  readonly handler: string
  readonly error: FailureError
  readonly attempts: number
  readonly workerId: number
  /** When the event was given up, in milliseconds since 1970. */
  readonly time: number
}

/** The data of a dead letter that is published. */
export type DeadLetter = LetterHead & {
  /** The event in the universal format, its data as they are; just its type if its data could not be decoded, or was too large. */
  readonly event: Partial<EventJSON> & { event_type: string; key?: string }
}

export function deadLetter(head: LetterHead, event: MillraceEvent): DeadLetter {
  return { ...head, event: eventOf(event) }
}

/** The event as it was published, whatever the handler did to its data; just its type if that can't be decoded. */
function eventOf(event: MillraceEvent): DeadLetter['event'] {
  if (isInBlock(event.recordBytes)) return { event_type: event.type }
  try {
    const copy = event.copy()
    // Not in the form of JSON: the letter can be published again as it was.
    const { key } = copy
    return {
      ...copy.toJSON(),
      data: copy.data ?? null,
      metadata: copy.metadata ?? {},
      ...(key !== undefined && { key }),
    }
  } catch {
    return { event_type: event.type }
  }
}
