/**
 * A map from pieces of text that knows which lengths its keys have, so that the keys a text starts with, ends
 * with or contains are found by one look-up per length instead of one comparison per key.
 */
export class AffixMap<V> {
  readonly #values = new Map<string, V>()
  readonly #keysOfLength = new Map<number, number>()
  /** The distinct lengths of the keys, ascending. */
  #lengths: number[] = []

  get size(): number {
    return this.#values.size
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#count(key.length, 1)
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#count(key.length, -1)
  }

  /** Calls `found` with the value of each key that the text starts with. */
  eachPrefixOf(text: string, found: (value: V) => void): void {
    for (const length of this.#lengths) {
      if (length > text.length) return
      const value = this.#values.get(text.slice(0, length))
      if (value !== undefined) found(value)
    }
  }

  /** Calls `found` with the value of each key that the text ends with. */
  eachSuffixOf(text: string, found: (value: V) => void): void {
    for (const length of this.#lengths) {
      if (length > text.length) return
      const value = this.#values.get(text.slice(text.length - length))
      if (value !== undefined) found(value)
    }
  }

  /** Calls `found` with the value of each key within the text; twice if the key is in it twice. */
  eachPartOf(text: string, found: (value: V) => void): void {
    for (const length of this.#lengths) {
      for (let from = 0; from + length <= text.length; from++) {
        const value = this.#values.get(text.slice(from, from + length))
        if (value !== undefined) found(value)
      }
    }
  }

  #count(length: number, change: number): void {
    const count = (this.#keysOfLength.get(length) ?? 0) + change
    if (count === 0) this.#keysOfLength.delete(length)
    else this.#keysOfLength.set(length, count)
    if (count === 0 || (count === 1 && change === 1)) {
      this.#lengths = [...this.#keysOfLength.keys()].sort((a, b) => a - b)
    }
  }
}
