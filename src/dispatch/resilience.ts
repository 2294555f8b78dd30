import {
  BrokenCircuitError,
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  handleWhenResult,
  type IPolicy,
  noop,
  type RetryPolicy,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { BreakerOpenError, isA, TimeoutError } from '../errors.ts'
import type { HandlerPolicies } from './policies.ts'

/** How an attempt ended, with what. Its error travels as a value: looking at it might run code of whoever threw it. */
type Ended = { readonly succeeded: boolean; readonly value: unknown; readonly isLast: boolean }

/** One time that a handler is called. */
export type Attempt = {
  readonly number: number
  /** Aborts when the attempt's time is over. */
  readonly signal: AbortSignal
  /** When that is, by `performance.now()`: for code that never lets a timer fire. */
  readonly deadline: number
}

/**
 * A handler's policies on one worker (decision 12): retry around concurrency around breaker around time limit.
 */
export class Resilience {
  private readonly handler: string
  private readonly policies: HandlerPolicies
  private readonly retries: RetryPolicy
  private readonly inner: IPolicy

  constructor(handler: string, policies: HandlerPolicies) {
    this.handler = handler
    this.policies = policies
    const { retry: again, concurrency, breaker, timeoutMs } = policies
    this.retries = retry(
      handleWhenResult((ended) => !(ended as Ended).succeeded && !(ended as Ended).isLast),
      {
        maxAttempts: Number.MAX_SAFE_INTEGER,
        backoff: new ExponentialBackoff({
          initialDelay: again?.delayMs ?? RETRY_DELAY_MS,
          maxDelay: again?.maxDelayMs ?? MAX_RETRY_DELAY_MS,
        }),
      },
    ).dangerouslyUnref()
    this.inner = wrap(
      concurrency === undefined ? noop : bulkhead(concurrency, Number.POSITIVE_INFINITY),
      breaker === undefined
        ? noop
        : circuitBreaker(handleAll, {
            halfOpenAfter: breaker.resetMs,
            breaker: new ConsecutiveBreaker(breaker.failures),
          }),
      timeoutMs === undefined
        ? noop
        : timeout(timeoutMs, {
            strategy: TimeoutStrategy.Aggressive,
            abortOnReturn: false,
          }).dangerouslyUnref(),
    )
  }

  /**
   * Resolves with the result of the attempt that succeeds; rejects with the error of the last. The first has number `first`; after each,
   * whether or not it came to be called, `onEnd`.
   */
  async run(first: number, call: (attempt: Attempt) => unknown, onEnd: () => void): Promise<unknown> {
    const { retry: again, timeoutMs = Number.POSITIVE_INFINITY } = this.policies
    const attempts = again?.attempts ?? 1
    const { succeeded, value } = await this.retries.execute(async ({ attempt: retries }): Promise<Ended> => {
      const number = first + retries
      try {
        const result = await this.inner.execute(async ({ signal }) => {
          const deadline = performance.now() + timeoutMs
          const answer = await call({ number, signal, deadline })
          // Its thread may never have come to the timer.
          if (performance.now() >= deadline) throw this.late()
          return answer
        })
        return { succeeded: true, value: result, isLast: true }
      } catch (error) {
        return { succeeded: false, value: error, isLast: number >= attempts }
      } finally {
        onEnd()
      }
    })
    if (!succeeded) throw this.named(value)
    return value
  }

  /** The library's own errors as ours. */
  private named(error: unknown): unknown {
    const { breaker } = this.policies
    if (isA(error, TaskCancelledError)) {
      return this.late()
    }
    if (isA(error, BrokenCircuitError)) {
      return new BreakerOpenError(
        `The breaker of handler ${this.handler} is open: it failed ${breaker?.failures} times in a row`,
        this.handler,
      )
    }
    return error
  }

  private late(): TimeoutError {
    const { timeoutMs = 0 } = this.policies
    return new TimeoutError(`Handler ${this.handler} did not settle within ${timeoutMs} ms`, timeoutMs)
  }
}

const RETRY_DELAY_MS = 100
const MAX_RETRY_DELAY_MS = 30_000
