import { EXCERPT_LENGTH } from './record.ts'

const NEWLINE = 0x0a
const RETURN = 0x0d

/**
 * Turns byte offsets of the input into line numbers, for a parser that reports the one and miscounts the
 * other. Offsets are asked for in ascending order, so a chunk is dropped as soon as it is behind.
 */
export class LineCounter {
  readonly #chunks: Buffer[] = []
  #chunkStart = 0
  #position = 0
  #newlines = 0

  /** The next bytes of the input. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  /** The 1-based line on which the byte at `offset` is. */
  lineAt(offset: number): number {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const limit = offset - this.#chunkStart
      for (let at = chunk.indexOf(NEWLINE, this.#position); at !== -1 && at < limit; ) {
        this.#newlines++
        this.#position = at + 1
        at = chunk.indexOf(NEWLINE, this.#position)
      }
      if (limit < chunk.length) break
      this.#chunks.shift()
      this.#chunkStart += chunk.length
      this.#position = 0
    }
    return this.#newlines + 1
  }

  /** The first offset from this one on at which no line ends: where text begins after blank lines. */
  skipLineEnds(offset: number): number {
    this.lineAt(offset)
    const bytes = this.#held()
    let at = offset - this.#chunkStart
    while (bytes[at] === NEWLINE || bytes[at] === RETURN) at++
    return this.#chunkStart + at
  }

  /** The text from `offset` to the end of its line, or as much as an excerpt takes. */
  textAt(offset: number): string {
    this.lineAt(offset)
    const from = offset - this.#chunkStart
    const bytes = this.#held().subarray(from, from + EXCERPT_LENGTH * 4)
    const end = bytes.indexOf(NEWLINE)
    return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
  }

  /** Two chunks are enough: what is asked about begins in the first. */
  #held(): Buffer {
    return Buffer.concat(this.#chunks.slice(0, 2))
  }
}
