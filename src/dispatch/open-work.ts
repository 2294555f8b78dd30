import type { InFlight, WorkLimit } from './ring-drain.ts'

/** What a thread has begun and not ended, in all its lanes; and how much that may be. */
export class OpenWork implements WorkLimit {
  private readonly records = new Set<InFlight>()
  private readonly endings = new Set<{ readonly records: Set<InFlight>; readonly resolve: () => void }>()
  /** More are not begun. */
  max: number

  constructor(max: number) {
    this.max = max
  }

  get size(): number {
    return this.records.size
  }

  /** What waits for room, or an answer, does not count: what it waits for may be held back. */
  get isReached(): boolean {
    if (this.records.size < this.max) return false
    let handled = 0
    for (const { context } of this.records) if (context!.waiting === 0 && !context!.isResting) handled++
    return handled >= this.max
  }

  add(record: InFlight): void {
    this.records.add(record)
  }

  delete(record: InFlight): void {
    this.records.delete(record)
    for (const ending of this.endings) {
      ending.records.delete(record)
      if (ending.records.size > 0) continue
      this.endings.delete(ending)
      ending.resolve()
    }
  }

  /** Resolves when all that is open now has ended. */
  ended(): Promise<void> {
    if (this.records.size === 0) return Promise.resolve()
    return new Promise((resolve) => void this.endings.add({ records: new Set(this.records), resolve }))
  }
}
