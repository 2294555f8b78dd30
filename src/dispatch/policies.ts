import { HandlerLoadError } from '../errors.ts'
import { MAX_ATTEMPTS } from '../lane/mark.ts'

/** What becomes of a handler's failures before its event is given up. Each worker has its own (decision 12). */
export type HandlerPolicies = {
  /**
   * How often an event is tried in all, with a delay that doubles from about `delayMs` (100) up to `maxDelayMs` (30,000),
   * with jitter. Events of the same key wait meanwhile.
   */
  retry?: { attempts: number; delayMs?: number; maxDelayMs?: number }
  /** An attempt that has not settled by then has failed, with a TimeoutError; `ctx.signal` aborts. */
  timeoutMs?: number
  /** After so many failures in a row, events fail at once with a BreakerOpenError; after `resetMs`, one is tried. */
  breaker?: { failures: number; resetMs: number }
  /** How many events of this handler may be in flight on a worker at once. */
  concurrency?: number
}

/** The longest time that a timer can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * The policies that a handler asks for, checked. `what` names the handler.
 *
 * @throws HandlerLoadError (`ERR_MILLRACE_HANDLER_LOAD`)
 */
export function policiesOf(object: HandlerPolicies, what: string, module: string): HandlerPolicies {
  const { retry, timeoutMs, breaker, concurrency } = object
  const check = (name: string, value: unknown, least: number, most: number): void => {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
    throw new HandlerLoadError(
      `${what}: ${name} is an integer from ${least} to ${most}, not ${String(value)}`,
      module,
    )
  }
  const fields = (name: string, value: unknown, known: readonly string[]): void => {
    const wrong =
      typeof value !== 'object' || value === null
        ? `not ${String(value)}`
        : Object.keys(value).find((field) => !known.includes(field))
    if (wrong === undefined) return
    throw new HandlerLoadError(`${what}: ${name} has ${known.join(', ')}; ${wrong}`, module)
  }
  if (retry !== undefined) {
    fields('retry', retry, ['attempts', 'delayMs', 'maxDelayMs'])
    check('retry.attempts', retry.attempts, 1, MAX_ATTEMPTS)
    check('retry.delayMs', retry.delayMs ?? 0, 0, MAX_TIMER_MS)
    check('retry.maxDelayMs', retry.maxDelayMs ?? 0, 0, MAX_TIMER_MS)
  }
  if (timeoutMs !== undefined) check('timeoutMs', timeoutMs, 1, MAX_TIMER_MS)
  if (breaker !== undefined) {
    fields('breaker', breaker, ['failures', 'resetMs'])
    check('breaker.failures', breaker.failures, 1, Number.MAX_SAFE_INTEGER)
    check('breaker.resetMs', breaker.resetMs, 0, MAX_TIMER_MS)
  }
  if (concurrency !== undefined) check('concurrency', concurrency, 1, Number.MAX_SAFE_INTEGER)
  return {
    ...(retry !== undefined && { retry }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(breaker !== undefined && { breaker }),
    ...(concurrency !== undefined && { concurrency }),
  }
}
