import { tracingChannel } from 'node:diagnostics_channel'
import { isThenable } from '../thenable.ts'

/** A call of a handler, as the channel's subscribers see it; `result` or `error` once there is one. */
export type HandlerTrace = {
  readonly handler: string
  readonly event: unknown
  readonly attempt: number
  readonly workerId: number
  result?: unknown
  error?: unknown
}

/**
 * Each call of a handler, in the thread that runs it, as Node's tracing channels have it: `start` and `end` around the call, `asyncStart` and
 * `asyncEnd` around the settling of its promise, `error`. A store that is bound to `start` is the handler's own, until it has settled.
 */
const HANDLER_CHANNEL = tracingChannel<HandlerTrace, HandlerTrace>('millrace.handler')

/** Whether anybody listens to the calls of handlers. */
export function isTraced(): boolean {
  return HANDLER_CHANNEL.hasSubscribers
}

type Call<Event, Context> = (event: Event, ctx: Context) => unknown

/** The same handler, which says so on the channel while anybody listens. */
export function traced<Event, Context extends { readonly attempt: number; readonly workerId: number }>(
  handler: string,
  call: Call<Event, Context>,
): Call<Event, Context> {
  return (event, ctx) => {
    if (!isTraced()) return call(event, ctx)
    const { attempt, workerId } = ctx
    return trace({ handler, event, attempt, workerId }, () => call(event, ctx))
  }
}

function trace(message: HandlerTrace, call: () => unknown): unknown {
  const { start, end, asyncStart, asyncEnd, error } = HANDLER_CHANNEL
  return start.runStores(message, () => {
    try {
      const result = call()
      if (!isThenable(result)) {
        message.result = result
        return result
      }
      return result.then(
        (value: unknown) => {
          message.result = value
          asyncStart.publish(message)
          asyncEnd.publish(message)
          return value
        },
        (reason: unknown) => {
          message.error = reason
          error.publish(message)
          asyncStart.publish(message)
          asyncEnd.publish(message)
          throw reason
        },
      )
    } catch (thrown) {
      message.error = thrown
      error.publish(message)
      throw thrown
    } finally {
      end.publish(message)
    }
  })
}
