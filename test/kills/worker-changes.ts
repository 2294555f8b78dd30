import { CapabilityError, type Engine, OptionsError } from '../../src/index.ts'
import type { KillEvents } from './handlers.ts'
import type { History } from './history.ts'
import type { Random } from './random.ts'

/** The pool whose workers come and go, and how many it has at most. */
export const POOL = 'main'
export const MAX_WORKERS = 3

/** Adds and removes workers, wherever chance has it, beside all else that happens. */
export class WorkerChanges {
  private readonly engine: Engine<KillEvents>
  private readonly history: History
  private readonly random: Random
  private readonly pending = new Set<Promise<void>>()
  /** How many workers have left. */
  left = 0

  constructor(engine: Engine<KillEvents>, history: History, random: Random) {
    this.engine = engine
    this.history = history
    this.random = random
  }

  /** Begins another one. */
  begin(): void {
    const { workers } = this.engine
    // From now on lanes may have other homes.
    this.history.write({ kind: 'change', publisher: 0, key: -1, number: 0, attempt: 0, thread: 0 })
    const { workerId } = this.random.of(workers.list().filter(({ pool }) => pool === POOL))
    const isAdding = this.random.integer(0, 1) === 0
    const change = isAdding
      ? workers.add({ pool: POOL })
      : workers.remove(workerId).then(() => {
          this.left++
        })
    const pending = change
      .then(
        () => {},
        (error) => {
          // There are as many as there may be, or it is the last, or leaves already.
          if (!(error instanceof CapabilityError || error instanceof OptionsError)) throw error
        },
      )
      .finally(() => this.pending.delete(pending))
    this.pending.add(pending)
  }

  /** Resolves when all have come to their end. */
  async settled(): Promise<void> {
    await Promise.all(this.pending)
  }
}
