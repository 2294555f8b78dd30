import { CapabilityError, OptionsError } from '../errors.ts'

/**
 * What happens to an event when there is no room for it, in a lane or in a mailbox.
 *
 * At a lane: `block` (`publish` answers `false`, `send` waits), `reject` (both throw a `FullError`), `drop-newest` (it is
 * dropped), `spill` (it waits in the engine's store, and comes back in its order; `block` if there is no room either). With the others the publisher never waits: `drop-oldest` (it takes the place of the oldest unread one), `coalesce`
 * (of each key only the latest unread one stays), `{ sample: n }` (at every load, one of n in a row is kept). What is dropped
 * was accepted, and is counted.
 */
export type Policy =
  | 'block'
  | 'reject'
  | 'drop-newest'
  | 'drop-oldest'
  | 'coalesce'
  | 'spill'
  | { readonly sample: number }

const NAMES: readonly unknown[] = ['block', 'reject', 'drop-newest', 'drop-oldest', 'coalesce', 'spill']

/** @throws OptionsError (`ERR_MILLRACE_OPTIONS`) */
export function checkPolicy(policy: unknown): asserts policy is Policy {
  if (NAMES.includes(policy)) return
  const sample = (policy as { sample?: unknown } | null)?.sample
  if (Number.isInteger(sample) && (sample as number) >= 1) return
  throw new OptionsError(`onFull is one of ${NAMES.join(', ')}, { sample: n }`)
}

export function noStore(): CapabilityError {
  return new CapabilityError('onFull: spill needs a store: give createEngine one')
}

/** Whether events of this policy may take the place of others, and be taken the place of. */
export function overwrites(policy: Policy): boolean {
  return policy === 'drop-oldest' || policy === 'coalesce' || typeof policy === 'object'
}
