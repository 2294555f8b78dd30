import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks'
import { allocateShared, Counters, storeCounter } from '../../native-free-ring/src/index.ts'

/** A handler's counters on one worker. What it matched is their sum. CALLED: called, and not settled. */
export const CALLED = 0
export const SUCCEEDED = 1
export const FILTERED = 2
export const FAILED = 3
export const HANDLER_COUNTERS = 4

/** The most handlers that one engine may have; their counters are allocated for so many. */
export const MAX_HANDLERS = 16_384

/** Every so many calls, one is timed: two looks at the clock cost as much as a small handler. */
const TIMED_EVERY = 32

export function allocateHandlerCounters(): SharedArrayBuffer {
  return allocateShared(MAX_HANDLERS * HANDLER_COUNTERS * 8)
}

export function handlerCountersWord(handler: number): number {
  return handler * HANDLER_COUNTERS * 2
}

/**
 * What one handler has done on this worker. Counts are kept here and written to shared memory once per pass over the
 * lanes.
 */
export class HandlerTally {
  called = 0
  succeeded = 0
  filtered = 0
  failed = 0
  dirty = false
  private calls = 0
  private histogram: RecordableHistogram | undefined
  private readonly words: Int32Array
  private readonly base: number
  private readonly counters: Counters
  private readonly onHistogram: (histogram: RecordableHistogram) => void

  /** `onHistogram` gets the histogram of durations, in nanoseconds, when the first is recorded. */
  constructor(words: Int32Array, handler: number, onHistogram: (histogram: RecordableHistogram) => void) {
    this.words = words
    this.base = handlerCountersWord(handler)
    this.counters = new Counters(words, this.base, HANDLER_COUNTERS)
    // A worker that died in the middle of calls has left them behind.
    storeCounter(words, this.base, CALLED, 0)
    this.onHistogram = onHistogram
  }

  /** When the call starts, if it is one of those that are timed; else 0. */
  start(): number {
    return this.calls++ % TIMED_EVERY === 0 ? performance.now() : 0
  }

  end(start: number): void {
    if (this.histogram === undefined) {
      this.histogram = createHistogram({ figures: 2 })
      this.onHistogram(this.histogram)
    }
    this.histogram.record(Math.max(1, Math.round((performance.now() - start) * 1e6)))
  }

  flush(): void {
    const { counters } = this
    storeCounter(this.words, this.base, CALLED, this.called)
    if (this.succeeded > 0) counters.add(SUCCEEDED, this.succeeded)
    if (this.filtered > 0) counters.add(FILTERED, this.filtered)
    if (this.failed > 0) counters.add(FAILED, this.failed)
    this.succeeded = this.filtered = this.failed = 0
    this.dirty = false
  }
}
