import { NOTICES } from '../lane/map.ts'
import { noticesFor } from '../lane/notices.ts'

/** Keeps the word that says which notices somebody asks for: others are not even made. For the engine's thread. */
export class NoticeInterest {
  private readonly control: Int32Array
  /** How many lists of patterns ask for a set of notices. */
  private readonly counts = new Map<number, number>()

  constructor(control: Int32Array) {
    this.control = control
  }

  add(patterns: readonly string[]): void {
    this.change(patterns, 1)
  }

  remove(patterns: readonly string[]): void {
    this.change(patterns, -1)
  }

  private change(patterns: readonly string[], by: number): void {
    const bits = noticesFor(patterns)
    if (bits === 0) return
    this.counts.set(bits, (this.counts.get(bits) ?? 0) + by)
    let wanted = 0
    for (const [set, count] of this.counts) if (count > 0) wanted |= set
    Atomics.store(this.control, NOTICES, wanted)
  }
}
