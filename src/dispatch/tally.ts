import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks'
import { allocateShared, COUNTER_WORDS } from '../../native-free-ring/src/index.ts'

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

/** Every so many calls, one is timed: two looks at the clock cost more than a small handler. Of the first calls, more. */
const FIRST_CALLS = 4_096
const TIMED_FIRST = 32
const TIMED_EVERY = 256

export function allocateHandlerCounters(): SharedArrayBuffer {
  return allocateShared(MAX_HANDLERS * HANDLER_COUNTERS * 8)
}

export function handlerCountersWord(handler: number): number {
  return handler * HANDLER_COUNTERS * 2
}

/**
 * What one handler has done on this worker: written to shared memory as it happens, by plain stores, so that what a worker
 * has done is known after its death. Who looks from another thread while it works may see it a little later.
 */
export class HandlerTally {
  private calls = 0
  /** Calls until one is timed. */
  private untimed = 1
  private histogram: RecordableHistogram | undefined
  private readonly words: Int32Array
  private readonly base: number
  private readonly onHistogram: (histogram: RecordableHistogram) => void

  /** `onHistogram` gets the histogram of durations, in nanoseconds, when the first is recorded. */
  constructor(words: Int32Array, handler: number, onHistogram: (histogram: RecordableHistogram) => void) {
    this.words = words
    this.base = handlerCountersWord(handler)
    // A worker that died in the middle of calls has left them behind.
    words[this.base + CALLED * COUNTER_WORDS] = 0
    this.onHistogram = onHistogram
  }

  /** As `storeCounter`, but with plain stores. What is CALLED comes down again, and is never as much as would need both words. */
  add(counter: number, amount: 1 | -1): void {
    const { words } = this
    const at = this.base + counter * COUNTER_WORDS
    const low = (words[at]! + amount) | 0
    if (amount > 0 && low << 1 === 0) words[at + 1]!++
    words[at] = low
  }

  /** When the call starts, if it is one of those that are timed; else 0. */
  start(): number {
    if (--this.untimed > 0) return 0
    this.untimed = this.calls < FIRST_CALLS ? TIMED_FIRST : TIMED_EVERY
    this.calls += this.untimed
    return performance.now()
  }

  end(start: number): void {
    if (this.histogram === undefined) {
      this.histogram = createHistogram({ figures: 2 })
      this.onHistogram(this.histogram)
    }
    this.histogram.record(Math.max(1, Math.round((performance.now() - start) * 1e6)))
  }
}
