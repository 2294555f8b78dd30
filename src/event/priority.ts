import { InvalidEventError } from '../errors.ts'

/** How urgent an event is: `high` ones are handled before the others, `low` ones after them, though at least every eighth time. */
export type Priority = 'high' | 'normal' | 'low'

export const NORMAL = 0
export const HIGH = 1
export const LOW = 2
export const PRIORITIES = 3
/** The most urgent first. */
export const BY_URGENCY: readonly number[] = [HIGH, NORMAL, LOW]

/** @throws InvalidEventError (`ERR_MILLRACE_INVALID_EVENT`) if it is none. */
export function priorityOf(name: Priority | undefined): number {
  switch (name) {
    case undefined:
    case 'normal':
      return NORMAL
    case 'high':
      return HIGH
    case 'low':
      return LOW
    default:
      throw new InvalidEventError(`A priority is high, normal or low, not ${String(name)}`)
  }
}
