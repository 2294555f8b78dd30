import { readWord } from './little-endian.ts'

/**
 * Where data lie that are too large for a record: the last 16 bytes of the record, in the place of the data (decision 19).
 *
 * ```
 *  0      4       8        12       16
 * ┌──────┬───────┬────────┬────────┐
 * │ page │ stamp │ offset │ length │   offset: from the block's start
 * └──────┴───────┴────────┴────────┘
 * ```
 */
export type BlockRef = {
  readonly page: number
  readonly stamp: number
  readonly offset: number
  readonly length: number
}

export const REF_BYTES = 16

/** Writes a reference at byte `at`, a multiple of 4. */
export function writeRef(words: Int32Array, at: number, { page, stamp, offset, length }: BlockRef): void {
  const word = at >> 2
  words[word] = page
  words[word + 1] = stamp
  words[word + 2] = offset
  words[word + 3] = length
}

/** The reference that ends before byte `end`. */
export function readRef(bytes: Uint8Array, end: number): BlockRef {
  const at = end - REF_BYTES
  return {
    page: readWord(bytes, at),
    stamp: readWord(bytes, at + 4),
    offset: readWord(bytes, at + 8),
    length: readWord(bytes, at + 12),
  }
}
