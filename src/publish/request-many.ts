import type { Ticket } from '../../native-free-ring/src/index.ts'
import { OptionsError } from '../errors.ts'
import { Block } from '../event/block.ts'
import type { RequestManyOptions } from '../event/publishing.ts'

/** If not told otherwise. */
const CONCURRENCY = 64

/** How one request is made, and given up. */
export type Asking = {
  ask(data: unknown, onTicket: (ticket: Ticket) => void): Promise<unknown>
  giveUp(ticket: Ticket): void
}

/** One input that was taken and whose answer was not handed on yet. */
type Entry = { ticket: Ticket | undefined; hasSettled: boolean; failed: boolean; value: unknown }

/**
 * Requests for many inputs, so many at once, and their answers, as they are asked for.
 *
 * No more than `concurrency` inputs are ahead of what the loop has taken: that is all the memory it needs. When the loop ends, for whatever
 * reason, the requests that are open are given up, and the inputs are closed.
 */
export async function* requestMany(
  inputs: Iterable<unknown> | AsyncIterable<unknown>,
  options: RequestManyOptions,
  { ask, giveUp }: Asking,
): AsyncGenerator<any, void, undefined> {
  const { concurrency = CONCURRENCY, order = 'input', signal } = options
  const entries = new Set<Entry>()
  /** To be handed on, in this order. */
  const queue: Entry[] = []
  let isOver = false
  let hasEnded = false
  let failure: { reason: unknown } | undefined
  let news = Promise.withResolvers<void>()
  const tell = (): void => {
    news.resolve()
    news = Promise.withResolvers()
  }
  const begin = async (data: unknown): Promise<void> => {
    const entry: Entry = { ticket: undefined, hasSettled: false, failed: false, value: undefined }
    entries.add(entry)
    if (order === 'input') queue.push(entry)
    try {
      entry.value = await ask(data, (ticket) => {
        entry.ticket = ticket
      })
    } catch (error) {
      entry.failed = true
      entry.value = error
    }
    entry.hasSettled = true
    if (isOver) release(entry)
    if (order === 'completion') queue.push(entry)
    tell()
  }
  const take = async (): Promise<void> => {
    try {
      for await (const data of inputs) {
        if (isOver) return
        void begin(data)
        while (entries.size >= concurrency && !isOver) await news.promise
        if (isOver) return
      }
    } catch (reason) {
      failure = { reason }
    } finally {
      hasEnded = true
      tell()
    }
  }
  const onAbort = (): void => tell()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    signal?.throwIfAborted()
    void take()
    for (;;) {
      signal?.throwIfAborted()
      const first = queue[0]
      if (first?.hasSettled) {
        queue.shift()
        entries.delete(first)
        tell()
        if (first.failed) throw first.value
        yield first.value
      } else if (hasEnded && entries.size === 0) {
        if (failure !== undefined) throw failure.reason
        return
      } else {
        await news.promise
      }
    }
  } finally {
    isOver = true
    signal?.removeEventListener('abort', onAbort)
    for (const entry of entries) {
      if (entry.hasSettled) release(entry)
      else if (entry.ticket !== undefined) giveUp(entry.ticket)
    }
    tell()
  }
}

/** Nobody takes its answer. */
function release({ value }: Entry): void {
  if (value instanceof Block) value.release()
}

/** @throws OptionsError (`ERR_MILLRACE_OPTIONS`) */
export function checkMany(
  inputs: unknown,
  { concurrency = CONCURRENCY, order = 'input' }: RequestManyOptions,
): void {
  const isIterable =
    typeof inputs === 'object' &&
    inputs !== null &&
    (Symbol.iterator in inputs || Symbol.asyncIterator in inputs)
  if (!isIterable) throw new OptionsError('The inputs of requestMany are an iterable')
  if (!(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new OptionsError(`concurrency is an integer from 1 on, not ${String(concurrency)}`)
  }
  if (order !== 'input' && order !== 'completion') {
    throw new OptionsError(`order is input or completion, not ${String(order)}`)
  }
}
