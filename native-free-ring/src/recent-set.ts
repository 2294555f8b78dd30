import { CONTROL_BYTES, isPowerOfTwo, MAX_CAPACITY } from './layout.ts'

/**
 * A place for one set in shared memory (decision 16 of Millrace): a line of control words, the buckets, the log.
 */
export type RecentPlace = {
  readonly buffer: SharedArrayBuffer
  /** In bytes, a multiple of 128. */
  readonly offset: number
  /** Bytes of the log, a power of two from 4,096 to 2³⁰. */
  readonly logBytes: number
  /** A power of two up to 2²⁰. */
  readonly buckets: number
}

const TAIL = 0
const MIN_LOG_BYTES = 4_096
const MAX_BUCKETS = 2 ** 20

/** An entry: position of the bucket's entry before, hash, length (two bytes), the bytes; a multiple of 8. */
const ENTRY_HEADER = 10
export const MAX_RECENT_BYTES = 2_047

/** Bytes of the log that an entry of so many bytes takes. */
export function recentEntryBytes(length: number): number {
  return (ENTRY_HEADER + length + 7) & -8
}

export function recentSetBytes({ logBytes, buckets }: Pick<RecentPlace, 'logBytes' | 'buckets'>): number {
  return CONTROL_BYTES + ((4 * buckets + 127) & -128) + logBytes
}

/**
 * Remembers byte strings of up to 2,047 bytes: those that were added last, as many as its log holds.
 *
 * One thread at a time may use it, under a lease; `resume` after taking it. A thread that dies in `add` has added it, or has not.
 *
 * @example
 * if (!set.has(bytes, 0, 36, hash)) set.add(bytes, 0, 36, hash)
 */
export class RecentSet {
  private readonly control: Int32Array
  private readonly heads: Int32Array
  private readonly log: Uint8Array
  private readonly words: Int32Array
  private readonly mask: number
  /** Entries that start further back than this are gone, or may be overwritten by a thread that dies in `add`. */
  private readonly window: number
  private tail = 0
  private sweep = 0

  constructor(place: RecentPlace) {
    const { buffer, offset, logBytes, buckets } = place
    if (!isPowerOfTwo(logBytes) || logBytes < MIN_LOG_BYTES || logBytes > MAX_CAPACITY) {
      throw new RangeError(`A log has a power of two of bytes, from 4,096 to 2^30, not ${logBytes}`)
    }
    if (!isPowerOfTwo(buckets) || buckets > MAX_BUCKETS) {
      throw new RangeError(`A set has a power of two of buckets, up to 2^20, not ${buckets}`)
    }
    this.control = new Int32Array(buffer, offset, CONTROL_BYTES / 4)
    this.heads = new Int32Array(buffer, offset + CONTROL_BYTES, buckets)
    const logOffset = offset + recentSetBytes(place) - logBytes
    this.log = new Uint8Array(buffer, logOffset, logBytes)
    this.words = new Int32Array(buffer, logOffset, logBytes / 4)
    this.mask = logBytes - 1
    this.window = logBytes - recentEntryBytes(MAX_RECENT_BYTES)
    this.resume()
  }

  /** Goes on where the last user stopped. */
  resume(): void {
    this.tail = Atomics.load(this.control, TAIL)
  }

  /** Whether the bytes from `start` to `end` were added, and have not left it since. `hash`: any 32 bits, always the same for them. */
  has(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    const { tail } = this
    let age = 0
    let at = this.heads[hash & (this.heads.length - 1)]!
    for (;;) {
      // Each is older than the one before, and lies whole in the window.
      const next = (tail - at) | 0
      if (next <= age || next > this.window) return false
      age = next
      const word = (at & this.mask) >> 2
      if (this.words[word + 1] === (hash | 0) && this.isAt(at, bytes, start, end)) return true
      at = this.words[word]!
    }
  }

  /**
   * Adds the bytes from `start` to `end`; the oldest make room.
   *
   * @throws RangeError if they are more than 2,047.
   */
  add(bytes: Uint8Array, start: number, end: number, hash: number): void {
    if (end - start > MAX_RECENT_BYTES) {
      throw new RangeError(`A set remembers up to ${MAX_RECENT_BYTES} bytes, not ${end - start}`)
    }
    const { heads, log, words, mask, tail } = this
    const bucket = hash & (heads.length - 1)
    const word = (tail & mask) >> 2
    words[word] = heads[bucket]!
    words[word + 1] = hash
    let to = tail + 8
    log[to++ & mask] = (end - start) & 0xff
    log[to++ & mask] = (end - start) >> 8
    for (let i = start; i < end; i++) log[to++ & mask] = bytes[i]!
    this.forget()
    this.tail = (tail + recentEntryBytes(end - start)) | 0
    // Before the entry can be found: else it would lie outside the window.
    Atomics.store(this.control, TAIL, this.tail)
    heads[bucket] = tail
  }

  /** A head that has left the window must not come into it again, once the positions have gone round. */
  private forget(): void {
    const { heads, tail } = this
    this.sweep = (this.sweep + 1) & (heads.length - 1)
    const age = (tail - heads[this.sweep]!) | 0
    if (age < 0 || age > this.window) heads[this.sweep] = tail
  }

  private isAt(at: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { log, mask } = this
    let from = at + 8
    const length = log[from++ & mask]! | (log[from++ & mask]! << 8)
    if (length !== end - start) return false
    for (let i = start; i < end; i++) if (log[from++ & mask] !== bytes[i]) return false
    return true
  }
}
