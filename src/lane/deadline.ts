import { OptionsError, TimeoutError } from '../errors.ts'

export type WaitOptions = { timeoutMs?: number; signal?: AbortSignal }

/**
 * Checks the options of a call that waits; `known` are the names that there may be.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`)
 */
export function checkWait(options: WaitOptions, known: readonly string[] = ['timeoutMs', 'signal']): void {
  checkWaiting(options)
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new OptionsError(`Unknown option ${name}: known are ${known.join(', ')}`)
  }
}

/**
 * The same for options among which there are others: an event's.
 *
 * @throws OptionsError (`ERR_MILLRACE_OPTIONS`)
 */
export function checkWaiting(options: WaitOptions): void {
  if (typeof options !== 'object' || options === null) throw new OptionsError('Options are an object')
  const { timeoutMs, signal } = options
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0)) {
    throw new OptionsError(`timeoutMs is a number of milliseconds from 0 on, not ${String(timeoutMs)}`)
  }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new OptionsError('signal is an AbortSignal')
}

/** The longest time that a timer can be set to: a longer one would be over at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Ends a wait when its time is over or its signal aborts, whichever comes first, and lets go of both when cleared.
 */
export class Deadline {
  private timer: NodeJS.Timeout | undefined
  private readonly signal: AbortSignal | undefined
  private readonly onAbort: (() => void) | undefined

  /** `end` is called once, with a TimeoutError or the signal's reason. */
  constructor(options: WaitOptions, what: string, end: (reason: unknown) => void) {
    const { timeoutMs, signal } = options
    if (timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY) {
      this.timer = setTimeout(
        () => {
          this.clear()
          end(new TimeoutError(`${what} did not come within ${timeoutMs} ms`, timeoutMs))
        },
        Math.min(timeoutMs, MAX_TIMER_MS),
      )
    }
    this.signal = signal
    if (signal !== undefined) {
      this.onAbort = () => {
        this.clear()
        end(signal.reason)
      }
      signal.addEventListener('abort', this.onAbort, { once: true })
    }
  }

  clear(): void {
    clearTimeout(this.timer)
    if (this.onAbort !== undefined) this.signal?.removeEventListener('abort', this.onAbort)
  }
}
