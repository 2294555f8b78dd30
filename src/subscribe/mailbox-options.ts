import { OptionsError } from '../errors.ts'
import { checkPolicy } from '../event/policy.ts'
import type { MailboxPlace } from '../lane/mailbox.ts'
import { parsePattern } from '../topic/pattern.ts'
import type { SubscribeOptions } from './subscription.ts'

const NAMES = ['capacity', 'onFull', 'filter']
const DEFAULT_CAPACITY = 10_000
const MAX_CAPACITY = 2 ** 24

/** Room for `capacity` events of some size; the system commits a page of it when it is touched. */
const BYTES_PER_EVENT = 256
const MAX_MAILBOX_BYTES = 2 ** 26

/** At least as much as a lane's ring: the largest event must fit. */
function mailboxBytes(capacity: number, ringBytes: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(capacity * BYTES_PER_EVENT))
  return Math.max(ringBytes, Math.min(wanted, MAX_MAILBOX_BYTES))
}

/**
 * What `subscribe` was called with, as the mailbox that it asks for.
 *
 * @throws PatternError, OptionsError
 */
export function mailboxOptions(
  pattern: string | readonly string[],
  options: SubscribeOptions<any>,
  ringBytes: number,
): Pick<MailboxPlace, 'patterns' | 'dataBytes' | 'capacity' | 'onFull'> {
  const patterns = typeof pattern === 'string' ? [pattern] : Array.isArray(pattern) ? [...pattern] : []
  if (patterns.length === 0) throw new OptionsError('subscribe takes a pattern, or a list of at least one')
  if (typeof options !== 'object' || options === null) throw new OptionsError('Options are an object')
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) throw new OptionsError(`Unknown option ${name}: known are ${NAMES.join(', ')}`)
  }
  for (const text of patterns) parsePattern(text)
  const { capacity = DEFAULT_CAPACITY, onFull = 'drop-oldest', filter } = options
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_CAPACITY)
    throw new OptionsError(`capacity is an integer from 1 to ${MAX_CAPACITY}, not ${String(capacity)}`)
  checkPolicy(onFull)
  if (filter !== undefined && typeof filter !== 'function') throw new OptionsError('filter is a function')
  return { patterns, dataBytes: mailboxBytes(capacity, ringBytes), capacity, onFull }
}
