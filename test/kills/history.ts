/**
 * What happened, in one order for all threads: a log in shared memory. Whoever writes takes the next entry, and stores its kind last, so one
 * that its thread did not live to write is passed over.
 */
export const KINDS = [
  'publish',
  'accept',
  'refuse',
  'start',
  'end',
  'death',
  'gain',
  'lose',
  'ask',
  'result',
  'error',
  'change',
] as const
export type Kind = (typeof KINDS)[number]

export type Entry = {
  readonly kind: Kind
  /** Who published the event, its key there (-1: none), and its number among the publisher's: they name it. */
  readonly publisher: number
  readonly key: number
  readonly number: number
  readonly attempt: number
  /** The thread: ids are never used twice. */
  readonly thread: number
  /** That was gained or lost, or whose event was started, if it is one for keys. */
  readonly lane?: number | undefined
}

const ENTRY_WORDS = 8
const CURSOR = 0

// Failpoints count the operations of the engine, and not these.
const { add, load, store } = Atomics

export class History {
  readonly buffer: SharedArrayBuffer
  private readonly words: Int32Array

  constructor(buffer = new SharedArrayBuffer(2 ** 26)) {
    this.buffer = buffer
    this.words = new Int32Array(buffer, 0, buffer.byteLength / 4)
  }

  write({ kind, publisher, key, number, attempt, thread, lane = -1 }: Entry): void {
    const { words } = this
    const at = ENTRY_WORDS * (1 + add(words, CURSOR, 1))
    if (at + ENTRY_WORDS > words.length) throw new Error('The history is full')
    words[at + 1] = publisher
    words[at + 2] = key
    words[at + 3] = number
    words[at + 4] = attempt
    words[at + 5] = thread
    words[at + 6] = 1 + lane
    store(words, at, 1 + KINDS.indexOf(kind))
  }

  /** Forgets all. Only while nobody writes. */
  clear(): void {
    this.words.fill(0, 0, ENTRY_WORDS * (1 + load(this.words, CURSOR)))
  }

  /** All that was written so far. */
  entries(): Entry[] {
    const { words } = this
    const entries: Entry[] = []
    const count = load(words, CURSOR)
    for (let index = 1; index <= count; index++) {
      const at = ENTRY_WORDS * index
      const kind = KINDS[load(words, at) - 1]
      if (kind === undefined) continue
      const [publisher, key, number, attempt, thread, next] = words.slice(at + 1, at + 7)
      const lane = next === 0 ? undefined : next! - 1
      entries.push({ kind, publisher, key, number, attempt, thread, lane } as Entry)
    }
    return entries
  }
}
