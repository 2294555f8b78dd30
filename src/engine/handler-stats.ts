import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { readCounter, wordsOf } from '../../native-free-ring/src/index.ts'
import { CALLED, FAILED, FILTERED, handlerCountersWord, SUCCEEDED } from '../dispatch/tally.ts'
import type { HandlerName } from '../dispatch/task.ts'
import type { ThreadMemory } from '../dispatch/thread-memory.ts'

export type HandlerStats = {
  name: string
  pattern: string
  matched: number
  succeeded: number
  filtered: number
  deadLettered: number
  /** Called and not settled. */
  pending: number
  /** Durations in milliseconds, of a sample of the calls; 0 before the first. */
  p50Ms: number
  p99Ms: number
}

/** What all workers together have done per handler. */
export class HandlerStatistics {
  private readonly words: readonly Int32Array[]
  private readonly histograms = new Map<number, RecordableHistogram[]>()
  private handlers: readonly HandlerName[] = []

  /** Of the threads with these memories. */
  constructor(memories: readonly ThreadMemory[]) {
    this.words = memories.map(({ handlerCounters }) => wordsOf(handlerCounters))
  }

  nameOf(handler: number): string | undefined {
    return this.handlers[handler]?.name
  }

  get hasHandlers(): boolean {
    return this.handlers.length > 0
  }

  setHandlers(handlers: readonly HandlerName[]): void {
    this.handlers = handlers
  }

  addHistogram(handler: number, histogram: RecordableHistogram): void {
    const list = this.histograms.get(handler) ?? []
    list.push(histogram)
    this.histograms.set(handler, list)
  }

  read(): HandlerStats[] {
    return this.handlers.map(({ name, pattern }, index) => {
      const succeeded = this.sum(index, SUCCEEDED)
      const filtered = this.sum(index, FILTERED)
      const deadLettered = this.sum(index, FAILED)
      const pending = this.sum(index, CALLED)
      const durations = this.durations(index)
      return {
        name,
        pattern,
        matched: succeeded + filtered + deadLettered + pending,
        succeeded,
        filtered,
        deadLettered,
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

  private durations(handler: number): RecordableHistogram | undefined {
    const list = this.histograms.get(handler)
    if (list === undefined) return undefined
    const all = createHistogram({ figures: 2 })
    for (const histogram of list) all.add(histogram)
    return all
  }
}
