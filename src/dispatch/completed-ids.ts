import { RecentSet } from '../../native-free-ring/src/index.ts'
import { idSpan } from '../event/extras.ts'
import { extrasStart, flagsOf, HAS_EXTRAS, keySpan } from '../event/record.ts'
import type { SharedMap } from '../lane/map.ts'
import { completedPlace } from '../lane/places.ts'

/** Stands between a key and an id; no UTF-8 text has it. */
const BETWEEN = 0xff
/** A key of 1,024 bytes, an id of 255. */
const MAX_BYTES = 1_280

/** Where the records lie. */
type Records = { readonly bytes: Uint8Array; readonly words: Int32Array }

/**
 * The events that a lane has completed last, of those that were given an id: by their key and id (decision 16). Under the
 * lane's lease.
 */
export class CompletedIds {
  private readonly names: RecentSet
  private readonly seed: number
  /** Key and id of the record that was looked at last, and their hash. */
  private readonly name = new Uint8Array(MAX_BYTES)
  private hash = 0

  constructor(map: SharedMap, lane: number) {
    this.names = new RecentSet(completedPlace(map, lane))
    this.seed = map.seed
  }

  resume(): void {
    this.names.resume()
  }

  /** Whether an event with key and id of the record at `at` is among them; false if it was given no id. */
  has(records: Records, at: number): boolean {
    const length = this.read(records, at)
    return length > 0 && this.names.has(this.name, 0, length, this.hash)
  }

  /** The record at `at` is completed. */
  add(records: Records, at: number): void {
    const length = this.read(records, at)
    if (length > 0) this.names.add(this.name, 0, length, this.hash)
  }

  /** Reads key and id into `name`; answers how many bytes, 0 if there is no id. */
  private read({ bytes, words }: Records, at: number): number {
    if ((flagsOf(words, at) & HAS_EXTRAS) === 0) return 0
    const id = idSpan(bytes, extrasStart(bytes, at))
    if (id.length === 0) return 0
    const key = keySpan(bytes, at)
    if (key.length + 1 + id.length > MAX_BYTES) return 0
    const { name } = this
    let length = 0
    for (let i = 0; i < key.length; i++) name[length++] = bytes[key.at + i]!
    name[length++] = BETWEEN
    for (let i = 0; i < id.length; i++) name[length++] = bytes[id.at + i]!
    // Each byte changes all bits: which names share a hash depends on the seed.
    let hash = this.seed
    for (let i = 0; i < length; i++) {
      hash = Math.imul(hash ^ name[i]!, 0x5bd1e995)
      hash ^= hash >>> 15
    }
    this.hash = hash
    return length
  }
}
