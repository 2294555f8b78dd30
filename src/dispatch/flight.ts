import { allocateShared, wordsOf } from '../../native-free-ring/src/index.ts'
import type { EventTrace } from '../errors.ts'
import { MillraceEvent } from '../event/event.ts'
import type { EventOrigins } from '../event/origins.ts'
import { flagsOf, HAS_EXTRAS, HAS_KEY, HEADER_BYTES, topicIdOf } from '../event/record.ts'
import { publishedAt } from '../event/record-copy.ts'
import type { Space } from '../event/space.ts'
import { outcomeName } from '../lane/outcome.ts'
import type { EventContext } from './context.ts'
import type { Handler } from './handlers.ts'

/** Events that are remembered: a power of two. */
const EVENTS = 64

/**
 * Words: how many events were begun; the handler that is being called, and for which of them, negative for the last; heartbeats; how many events were begun by
 * earlier threads. Then the entries.
 */
const BEGUN = 0
const HANDLER = 1
const BEAT = 2
const EVENT = 3
const BEGUN_BEFORE = 4
const ENTRIES = 64
/**
 * An entry: how much of its record follows; what has become of the event (bits 0–3), and how often it was begun (above them). The record's doubles are
 * doubles here.
 */
const LENGTH = 0
const STATE = 1
const RECORD = 2
const OUTCOME_BITS = 4
const ENTRY_WORDS = 64
/** The word of a record with its flags. */
const FLAGS = 3
const MAX_RECORD_BYTES = 4 * (ENTRY_WORDS - RECORD)
/** The double of a record with its time. */
const TIME = 2

export function allocateFlight(): SharedArrayBuffer {
  return allocateShared(4 * (ENTRIES + EVENTS * ENTRY_WORDS))
}

/**
 * A thread's flight recorder: what it does, told by plain stores as it does it.
 *
 * Exact for those who look after the thread's death; while it runs, they may see it a little later.
 */
export class FlightRecorder {
  private readonly words: Int32Array
  private readonly doubles: Float64Array
  private begun: number

  constructor(memory: SharedArrayBuffer) {
    this.words = wordsOf(memory)
    this.doubles = new Float64Array(memory, 0, memory.byteLength / 8)
    this.begun = this.words[BEGUN]!
    this.words[HANDLER] = 0
    this.words[BEGUN_BEFORE] = this.begun
  }

  /** The thread is alive, and minds its lanes. */
  beat(): void {
    this.words[BEAT] = (this.words[BEAT]! + 1) | 0
  }

  /** The event whose record lies at `at` of `record` is begun. Answers its number, for `ended`. */
  began(space: Space, at: number, length: number, attempt: number): number {
    const { words, begun } = this
    const { words: record } = space
    const entry = entryAt(begun)
    // Beyond its header it is only of interest for a topic and an id of its own.
    if ((flagsOf(record, at) & HAS_EXTRAS) === 0 && topicIdOf(record, at) !== 0)
      return this.beganPlain(space, at, attempt)
    const bytes = Math.min(length, MAX_RECORD_BYTES)
    words[entry + LENGTH] = bytes
    words[entry + STATE] = attempt << OUTCOME_BITS
    for (let i = 0; 4 * i < bytes; i++) words[entry + RECORD + i] = record[(at >> 2) + i]!
    this.begun = (begun + 1) | 0
    words[BEGUN] = this.begun
    return begun
  }

  /** The same for one that has neither a topic of its own nor an id. */
  beganPlain({ words: record, doubles }: Space, at: number, attempt: number): number {
    const { words, begun } = this
    const entry = entryAt(begun)
    const word = at >> 2
    words[entry + LENGTH] = HEADER_BYTES
    words[entry + STATE] = attempt << OUTCOME_BITS
    // Without the hash of a key: nobody asks for that.
    words[entry + RECORD] = record[word]!
    words[entry + RECORD + 2] = record[word + 2]!
    words[entry + RECORD + FLAGS] = record[word + FLAGS]! & ~HAS_KEY
    this.doubles[((entry + RECORD) >> 1) + TIME] = doubles[(at >> 3) + TIME]!
    this.begun = (begun + 1) | 0
    words[BEGUN] = this.begun
    return begun
  }

  ended(number: number, outcome: number): void {
    if (((this.begun - number) | 0) <= EVENTS) this.words[entryAt(number) + STATE]! |= outcome
  }

  /** The handler with this number is about to be called, for the event that was begun last, or, until `leave`, those that are begun then. */
  enter(handler: number): void {
    this.words[HANDLER] = -1 - handler
  }

  /** The same for the event with that number. */
  private enterFor(handler: number, event: number): void {
    this.words[EVENT] = event
    this.words[HANDLER] = handler + 1
  }

  /** It has returned. */
  leave(): void {
    this.words[HANDLER] = 0
  }

  /** The handler with this number, which says so here while it is being called. */
  watch(handler: Handler, number: number): Handler {
    const watched = <Call extends (event: MillraceEvent, ctx: any) => unknown>(call: Call): Call => {
      const watching = (event: MillraceEvent, ctx: EventContext): unknown => {
        this.enterFor(number, ctx.flown)
        try {
          return call(event, ctx)
        } finally {
          this.leave()
        }
      }
      return watching as Call
    }
    return { ...handler, handle: watched(handler.handle), filter: handler.filter && watched(handler.filter) }
  }
}

/** Looks at a thread's flight recorder from outside. */
export class FlightReader {
  private readonly words: Int32Array
  private readonly bytes: Uint8Array
  private readonly origins: EventOrigins

  constructor(memory: SharedArrayBuffer, origins: EventOrigins) {
    this.words = wordsOf(memory)
    this.bytes = new Uint8Array(memory)
    this.origins = origins
  }

  /** Changes every 50 ms at least, while the thread minds its lanes. */
  get beats(): number {
    return Atomics.load(this.words, BEAT)
  }

  /** The handler that is being called; -1: none. */
  get handler(): number {
    return Math.abs(Atomics.load(this.words, HANDLER)) - 1
  }

  /** The event that it is being called for; undefined if too many were begun since. */
  get event(): EventTrace | undefined {
    const begun = Atomics.load(this.words, BEGUN)
    const number = Atomics.load(this.words, HANDLER) < 0 ? (begun - 1) | 0 : Atomics.load(this.words, EVENT)
    const age = (begun - number) | 0
    return age > 0 && age <= EVENTS ? this.read(entryAt(number)) : undefined
  }

  /** The last events that the thread has begun, the latest last. */
  events(): EventTrace[] {
    const begun = Atomics.load(this.words, BEGUN)
    const count = Math.min((begun - this.words[BEGUN_BEFORE]!) >>> 0, EVENTS)
    return Array.from({ length: count }, (_, index) => this.read(entryAt((begun - count + index) | 0)))
  }

  private read(entry: number): EventTrace {
    const start = 4 * (entry + RECORD)
    const record = this.bytes.slice(start, start + this.words[entry + LENGTH]!)
    const state = this.words[entry + STATE]!
    const attempt = state >>> OUTCOME_BITS
    const event = MillraceEvent.fromCopy(record, attempt, this.origins)
    return {
      type: event.type,
      id: idOf(event),
      time: publishedAt(record),
      attempt,
      outcome: outcomeName(state & ((1 << OUTCOME_BITS) - 1)),
    }
  }
}

function idOf(event: MillraceEvent): string | undefined {
  try {
    return event.id
  } catch {
    return undefined
  }
}

function entryAt(number: number): number {
  return ENTRIES + (number & (EVENTS - 1)) * ENTRY_WORDS
}
