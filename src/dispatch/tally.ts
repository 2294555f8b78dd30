import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks'
import { allocateShared, COUNTER_WORDS, readCounter } from '../../native-free-ring/src/index.ts'

/** A handler's counters on one worker. What it matched is their sum. CALLED: called, and not settled. */
export const CALLED = 0
export const SUCCEEDED = 1
export const FILTERED = 2
export const FAILED = 3
/** Its worker died in the middle, and nothing is handled twice. */
export const LOST = 4
/** It failed on a request: whoever asked has the error. */
export const REFUSED = 5
export const HANDLER_COUNTERS = 6

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

const TWO_31 = 2147483648

/**
 * What one handler has done on this worker: written to shared memory as it happens, by plain stores, so that what a worker
 * has done is known after its death. Who looks from another thread while it works may see it a little later.
 */
export class HandlerTally {
  private calls = 0
  private histogram: RecordableHistogram | undefined
  private readonly words: Int32Array
  private readonly base: number
  private readonly counts: Float64Array
  private readonly onHistogram: (histogram: RecordableHistogram) => void

  /** `onHistogram` gets the histogram of durations, in nanoseconds, when the first is recorded. */
  constructor(words: Int32Array, handler: number, onHistogram: (histogram: RecordableHistogram) => void) {
    this.words = words
    this.base = handlerCountersWord(handler)
    this.counts = Float64Array.from({ length: HANDLER_COUNTERS }, (_, counter) =>
      readCounter(words, this.base, counter),
    )
    // A worker that died in the middle of calls has left them behind.
    this.counts[CALLED] = 0
    this.store(CALLED, 0)
    this.onHistogram = onHistogram
  }

  add(counter: number, amount: 1 | -1): void {
    const count = this.counts[counter]! + amount
    this.counts[counter] = count
    this.store(counter, count)
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

  /** As `storeCounter`, but with plain stores. */
  private store(counter: number, count: number): void {
    const at = this.base + counter * COUNTER_WORDS
    if (count >= TWO_31) this.words[at + 1] = count / TWO_31
    this.words[at] = count | 0
  }
}
