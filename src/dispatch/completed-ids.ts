import { RecentSet } from '../../native-free-ring/src/index.ts'
import { idSpan } from '../event/extras.ts'
import { extrasStart, flagsOf, HAS_EXTRAS } from '../event/record.ts'
import { completedPlace, type SharedMap } from '../lane/map.ts'

/** The ids of the events that a lane has completed last (decision 16). Under the lane's lease. */
export class CompletedIds {
  private readonly ids: RecentSet
  private readonly seed: number

  constructor(map: SharedMap, lane: number) {
    this.ids = new RecentSet(completedPlace(map, lane))
    this.seed = Number.parseInt(map.engineId.slice(0, 8), 16)
  }

  resume(): void {
    this.ids.resume()
  }

  /** Whether an event with the id of the record at `at` is among them; false if it was given none. */
  has(bytes: Uint8Array, words: Int32Array, at: number): boolean {
    if ((flagsOf(words, at) & HAS_EXTRAS) === 0) return false
    const span = idSpan(bytes, extrasStart(bytes, at))
    const end = span.at + span.length
    return span.length > 0 && this.ids.has(bytes, span.at, end, this.hash(bytes, span.at, end))
  }

  /** The record at `at` is completed. */
  add(bytes: Uint8Array, words: Int32Array, at: number): void {
    if ((flagsOf(words, at) & HAS_EXTRAS) === 0) return
    const span = idSpan(bytes, extrasStart(bytes, at))
    const end = span.at + span.length
    if (span.length > 0) this.ids.add(bytes, span.at, end, this.hash(bytes, span.at, end))
  }

  /** FNV-1a from a seed of the engine's own: nobody can choose ids that share a bucket. */
  private hash(bytes: Uint8Array, start: number, end: number): number {
    let hash = this.seed
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    return hash ^ (hash >>> 15)
  }
}
