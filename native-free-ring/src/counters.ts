/**
 * Counters in shared memory for statistics: any thread may read them, one thread writes each.
 *
 * A counter is two words: its low 32 bits, and all bits from the 31st up. Bit 31 stands in both, so a reader that
 * caught the writer between its two stores sees that they disagree, and answers the count before, or reads again.
 * (Plain 64-bit accesses may tear, and BigInt is allocated on the heap.)
 */
const TWO_31 = 2147483648

export const COUNTER_WORDS = 2

export class Counters {
  private readonly words: Int32Array
  private readonly base: number
  private readonly counts: Float64Array

  /** The writing end of `size` counters at word `base`; goes on from the values it finds there. */
  constructor(words: Int32Array, base: number, size: number) {
    this.words = words
    this.base = base
    this.counts = Float64Array.from({ length: size }, (_, i) => readCounter(words, base, i))
  }

  /** Adds less than 2³¹ at a time. */
  add(index: number, amount: number): void {
    const count = this.counts[index]! + amount
    this.counts[index] = count
    storeCounter(this.words, this.base, index, count)
  }

  get(index: number): number {
    return this.counts[index]!
  }
}

/** Stores a counter, by the one thread that may write it now. It grows by less than 2³¹ at a time. */
export function storeCounter(words: Int32Array, base: number, index: number, count: number): void {
  const at = base + index * COUNTER_WORDS
  if (count >= TWO_31) Atomics.store(words, at + 1, Math.floor(count / TWO_31))
  // Read by whoever wants statistics; nothing else is published with it.
  Atomics.store(words, at, count | 0)
}

/** Reads counter `index` of those at word `base`, from any thread. */
export function readCounter(words: Int32Array, base: number, index: number): number {
  const at = base + index * COUNTER_WORDS
  for (;;) {
    const high = Atomics.load(words, at + 1)
    const low = Atomics.load(words, at) >>> 0
    if (low >>> 31 === (high & 1)) return Math.floor(high / 2) * 2 * TWO_31 + low
    // The same high word before and after: the writer stands, or died, before its second store. This was the count.
    if (Atomics.load(words, at + 1) === high) return Math.floor((high - 1) / 2) * 2 * TWO_31 + low
  }
}
