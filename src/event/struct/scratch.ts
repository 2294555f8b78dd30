import { InvalidEventError } from '../../errors.ts'
import type { Target } from './write-function.ts'

const INITIAL_BYTES = 4_096
/** Memory that has grown beyond is let go. */
const KEPT_BYTES = 2 ** 20

/** Where a struct is written that has no place yet: it lasts until the next one. */
export class StructScratch implements Target {
  bytes = new Uint8Array(INITIAL_BYTES)
  words = new Int32Array(this.bytes.buffer, 0, INITIAL_BYTES / 4)
  doubles = new Float64Array(this.bytes.buffer, 0, INITIAL_BYTES / 8)
  /** Of the struct that was written last. */
  length = 0
  /** More than so many bytes are refused. */
  limit = 0

  claim(bytes: number): number {
    if (bytes > this.limit)
      throw new InvalidEventError(
        `An event's struct of ${bytes} bytes exceeds the ${this.limit} bytes that it may have here: raise ringBytes or blockBytes`,
      )
    const { length } = this.bytes
    if (bytes > length || (length > KEPT_BYTES && bytes <= KEPT_BYTES)) this.resize(bytes)
    this.length = bytes
    return 0
  }

  private resize(least: number): void {
    const length = Math.max(INITIAL_BYTES, 2 ** Math.ceil(Math.log2(least)))
    this.bytes = new Uint8Array(length)
    this.words = new Int32Array(this.bytes.buffer, 0, length / 4)
    this.doubles = new Float64Array(this.bytes.buffer, 0, length / 8)
  }
}
