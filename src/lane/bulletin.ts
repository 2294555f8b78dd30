import { allocateShared } from '../../native-free-ring/src/index.ts'
import { OptionsError } from '../errors.ts'

/** Words: the version that is being written, the one that is there; then how long the text is in each half. */
const BEGUN = 0
const DONE = 1
const LENGTHS = 2
const WORDS = 32
const HALF_BYTES = 2 ** 24

/**
 * A text that one thread writes and all read, without locks: a new version takes the place of the last but one (decision 21).
 */
export class Bulletin {
  private readonly words: Int32Array
  private readonly bytes: Uint8Array

  static allocate(): SharedArrayBuffer {
    return allocateShared(4 * WORDS + 2 * HALF_BYTES)
  }

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, WORDS)
    this.bytes = new Uint8Array(memory, 4 * WORDS, 2 * HALF_BYTES)
  }

  /** 0 before the first. A plain load: sees what happened before it, at least. */
  get version(): number {
    return this.words[DONE]!
  }

  /**
   * Only for the thread to which the bulletin belongs.
   *
   * @throws OptionsError (`ERR_MILLRACE_OPTIONS`) if the text is longer than 16 MiB: the last one stays.
   */
  post(text: string): void {
    const { words, bytes } = this
    const encoded = Buffer.from(text, 'utf8')
    if (encoded.length > HALF_BYTES)
      throw new OptionsError(
        `The patterns of all handlers take ${encoded.length} bytes, of at most ${HALF_BYTES}`,
      )
    const version = words[DONE]! + 1
    Atomics.store(words, BEGUN, version)
    bytes.set(encoded, startOf(version))
    words[LENGTHS + (version & 1)] = encoded.length
    Atomics.store(words, DONE, version)
  }

  /** The version there is, whole. */
  read(): { readonly version: number; readonly text: string } {
    const { words, bytes } = this
    for (;;) {
      const version = Atomics.load(words, DONE)
      const start = startOf(version)
      const copy = bytes.slice(start, start + words[LENGTHS + (version & 1)]!)
      // Its half is written again with the version after the next.
      if (Atomics.load(words, BEGUN) - version < 2)
        return { version, text: Buffer.from(copy).toString('utf8') }
    }
  }
}

function startOf(version: number): number {
  return (version & 1) * HALF_BYTES
}
