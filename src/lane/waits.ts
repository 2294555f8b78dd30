import type { Parking } from '../../native-free-ring/src/index.ts'

/** Something that a thread waits for. */
export interface Watch {
  /** Whether `advance` would get anywhere now. Called again and again while parking. */
  ready(): boolean
  /** Goes on as far as it can; answers true when it is over and need not be watched any more. */
  advance(): boolean
}

/**
 * Everything that one thread waits for: room in lanes, mail, the end of a drain. It has one parking word for all.
 *
 * A dispatcher polls the watches in its own loop. A thread without one (`drive`) parks here, while there are any.
 */
export class Waits {
  private readonly watches = new Set<Watch>()
  private readonly parking: Parking
  private readonly driven: boolean
  private driving = false

  constructor(parking: Parking, options: { drive: boolean }) {
    this.parking = parking
    this.driven = options.drive
  }

  get size(): number {
    return this.watches.size
  }

  add(watch: Watch): void {
    this.watches.add(watch)
    this.parking.unpark()
    if (this.driven && !this.driving) void this.drive()
  }

  remove(watch: Watch): void {
    this.watches.delete(watch)
    if (this.watches.size === 0 && this.driving) this.parking.unpark()
  }

  ready(): boolean {
    for (const watch of this.watches) if (watch.ready()) return true
    return false
  }

  /** Advances all that are ready; answers how many were. */
  poll(): number {
    if (this.watches.size === 0) return 0
    let advanced = 0
    for (const watch of [...this.watches]) {
      if (!this.watches.has(watch) || !watch.ready()) continue
      advanced++
      if (watch.advance()) this.watches.delete(watch)
    }
    return advanced
  }

  private async drive(): Promise<void> {
    this.driving = true
    try {
      while (this.watches.size > 0) {
        if (this.poll() === 0) await this.parking.park(() => this.ready())
        // What was advanced goes on in microtasks: let it, before looking again.
        else await undefined
      }
    } finally {
      this.driving = false
    }
  }
}
