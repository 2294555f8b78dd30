/**
 * Counts that change in the same store as a cursor.
 *
 * Two blocks are written in turn: a stamp, then two words (low, high) for each counter. The stamp is the cursor's
 * position that the counts belong to; the block whose stamp equals the cursor is the valid one. A thread that dies
 * between writing a block and storing the cursor has changed nothing.
 *
 * Two consecutive stamps differ, since a cursor only moves forward by less than 2³²; so the block being written never
 * carries the stamp of the cursor that readers see.
 */
const TWO_32 = 4294967296

export class Tally {
  /** The owner's own counts; reaches others with the next `publish`. */
  readonly counts: Float64Array
  private readonly words: Int32Array
  private readonly base: number
  private readonly blockWords: number
  private block = 0

  constructor(words: Int32Array, base: number, counters: number) {
    this.words = words
    this.base = base
    this.blockWords = 1 + 2 * counters
    this.counts = new Float64Array(counters)
  }

  /** Takes over the counts that belong to `stamp`, when a new owner goes on where another stopped. */
  resume(stamp: number): void {
    this.block = this.words[this.base] === stamp ? 0 : 1
    readBlock(this.words, this.base + this.block * this.blockWords, this.counts)
  }

  /** Writes the counts for `stamp`; they become valid when the owner stores its cursor to `stamp`. */
  publish(stamp: number): void {
    const { words, counts } = this
    this.block ^= 1
    let at = this.base + this.block * this.blockWords
    words[at++] = stamp
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i]!
      words[at++] = count | 0
      words[at++] = count < TWO_32 ? 0 : count / TWO_32
    }
  }
}

/**
 * Reads a tally that another thread owns: the counts that belong to the position at which its cursor stood.
 *
 * The cursor is loaded before and after: if it moved, the block may have been rewritten, so it is read again.
 */
export function readTally(words: Int32Array, cursor: number, base: number, counts: Float64Array): number {
  const blockWords = 1 + 2 * counts.length
  for (;;) {
    const position = Atomics.load(words, cursor)
    const block = Atomics.load(words, base) === position ? base : base + blockWords
    readBlock(words, block, counts)
    if (Atomics.load(words, block) === position && Atomics.load(words, cursor) === position) return position
  }
}

function readBlock(words: Int32Array, block: number, counts: Float64Array): void {
  for (let i = 0; i < counts.length; i++) {
    const low = Atomics.load(words, block + 1 + 2 * i) >>> 0
    const high = Atomics.load(words, block + 2 + 2 * i)
    counts[i] = high * TWO_32 + low
  }
}
