import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { readCounter, storeCounter, wordsOf } from '../../native-free-ring/src/index.ts'
import { CALLED, FAILED, FILTERED, handlerCountersWord, LOST, REFUSED, SUCCEEDED } from '../dispatch/tally.ts'
import type { ThreadMemory } from '../dispatch/thread-memory.ts'
import type { NumberedHandler } from './modules.ts'

export type HandlerStats = {
  name: string
  pattern: string
  matched: number
  succeeded: number
  filtered: number
  deadLettered: number
  /** Requests on which it failed: whoever asked has the error. */
  rejected: number
  /** With `at-most-once`: their worker died. Requests whose caller had gone before they began. */
  dropped: number
  /** Called and not settled. */
  pending: number
  /** Durations in milliseconds, of a sample of the calls; 0 before the first. */
  p50Ms: number
  p99Ms: number
}

/** Durations of one handler's calls. */
type Durations = {
  /** Of threads that others have taken the place of. */
  readonly past: RecordableHistogram
  /** Of those that record into theirs, by their slot. */
  readonly current: Map<number, RecordableHistogram>
}

/** What all workers together have done per handler. */
export class HandlerStatistics {
  private readonly words: readonly Int32Array[]
  private readonly durations = new Map<number, Durations>()
  private handlers: readonly NumberedHandler[] = []
  /** By number: also of those that are gone. */
  private readonly names: string[] = []

  /** Of the threads with these memories, in their order. */
  constructor(memories: readonly ThreadMemory[]) {
    this.words = memories.map(({ handlerCounters }) => wordsOf(handlerCounters))
  }

  nameOf(handler: number): string | undefined {
    return this.names[handler]
  }

  setHandlers(handlers: readonly NumberedHandler[]): void {
    this.handlers = handlers
    for (const { name, number } of handlers) this.names[number] = name
  }

  /** This thread has left, and calls nothing any more: it may have died in the middle of calls. */
  left(thread: number): void {
    for (const handler of this.names.keys())
      storeCounter(this.words[thread]!, handlerCountersWord(handler), CALLED, 0)
  }

  /** The thread in this slot records into it from now on, and nobody into that which was the slot's before. */
  addHistogram(thread: number, handler: number, histogram: RecordableHistogram): void {
    const durations = this.durations.get(handler) ?? { past: newHistogram(), current: new Map() }
    this.durations.set(handler, durations)
    const before = durations.current.get(thread)
    if (before !== undefined) durations.past.add(before)
    durations.current.set(thread, histogram)
  }

  read(): HandlerStats[] {
    return this.handlers.map(({ name, pattern, number }) => {
      const succeeded = this.sum(number, SUCCEEDED)
      const filtered = this.sum(number, FILTERED)
      const deadLettered = this.sum(number, FAILED)
      const rejected = this.sum(number, REFUSED)
      const dropped = this.sum(number, LOST)
      const pending = this.sum(number, CALLED)
      const durations = this.durationsOf(number)
      return {
        name,
        pattern,
        matched: succeeded + rejected + filtered + dropped + deadLettered + pending,
        succeeded,
        filtered,
        deadLettered,
        rejected,
        dropped,
        pending,
        p50Ms: durations === undefined ? 0 : durations.percentile(50) / 1e6,
        p99Ms: durations === undefined ? 0 : durations.percentile(99) / 1e6,
      }
    })
  }

  private sum(handler: number, counter: number): number {
    let sum = 0
    for (const words of this.words) sum += readCounter(words, handlerCountersWord(handler), counter)
    return sum
  }

  private durationsOf(handler: number): RecordableHistogram | undefined {
    const durations = this.durations.get(handler)
    if (durations === undefined) return undefined
    const all = newHistogram()
    all.add(durations.past)
    for (const histogram of durations.current.values()) all.add(histogram)
    return all
  }
}

function newHistogram(): RecordableHistogram {
  return createHistogram({ figures: 2 })
}
