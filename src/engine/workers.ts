import { wordsOf } from '../../native-free-ring/src/index.ts'
import { CapabilityError, OptionsError } from '../errors.ts'
import type { PoolShape, SharedMap } from '../lane/map.ts'
import { dispatchers, poolOf, threadsOf } from '../lane/map.ts'
import {
  ABSENT,
  assignHomes,
  dispatching,
  LEAVING,
  PRESENT,
  presenceOf,
  presentIn,
  setPresence,
} from '../lane/roster.ts'
import type { ChangeQueue } from './change-queue.ts'

/** The threads that run the handlers, as they come and go while the engine runs (decision 23). Only the engine's own thread may call. */
export interface Workers {
  /** Those there are, with their pools; one that has been removed until it has ended. */
  list(): { workerId: number; pool: string }[]
  /**
   * Starts one more worker, of the first pool if none is named, and gives it its part of the lanes; resolves with its id. A place of one that was removed is used again.
   *
   * @throws CapabilityError if the pool has as many as it may (`maxWorkers`), HandlerLoadError or WorkerDiedError if it can't be started, OptionsError if there is no such pool,
   * ClosedError: nothing has changed.
   * @example
   * const engine = await createEngine({ workers: 1, maxWorkers: 4, handlers })
   * const workerId = await engine.workers.add()
   */
  add(options?: { pool?: string }): Promise<number>
  /**
   * Lets a worker go: it hands its lanes over to the others of its pool, ends what it has begun, and then itself; resolves when it has, or has died. Nothing is lost, and events of one publisher and key
   * stay in their order. (A worker is a publisher: what handlers of one key publish before and after its lane changes hands comes from two.)
   *
   * @throws OptionsError if there is no such worker, or no other in its pool; ClosedError if the engine is closed.
   */
  remove(workerId: number): Promise<void>
}

export type WorkersParts = {
  readonly map: SharedMap
  readonly changes: ChangeQueue
  /** Starts a thread in this place; resolves when it has loaded its handlers. */
  start(thread: number): Promise<void>
  /** Resolves when the thread in this place has ended by itself. */
  left(thread: number): Promise<void>
  /** What stands in shared memory has changed. */
  announce(): void
  /** How many events were ever dispatched in this place. */
  dispatchedBy(thread: number): number
  /** A new one is there: what is offered to its inbox comes. */
  onJoined(thread: number): void
}

export class EngineWorkers implements Workers {
  private readonly parts: WorkersParts
  private readonly control: Int32Array
  /** What was dispatched in each place before its worker came. */
  private readonly before = new Map<number, number>()

  constructor(parts: WorkersParts) {
    this.parts = parts
    this.control = wordsOf(parts.map.control)
  }

  /** Starts so many workers of each pool, or, if there are none, what dispatches in the engine's own thread. */
  async start(counts: readonly number[]): Promise<void> {
    const { pools } = this.parts.map.shape
    const threads = pools.flatMap((pool, index) => threadsOf(pool).slice(0, Math.max(1, counts[index]!)))
    for (const thread of threads) this.join(thread)
    for (const pool of pools) assignHomes(this.control, this.parts.map.shape, pool)
    await Promise.all(threads.map((thread) => this.parts.start(thread)))
  }

  /** What each has dispatched since it is there. */
  stats(): { workerId: number; dispatched: number }[] {
    return dispatching(this.control, this.parts.map.shape).map((workerId) => ({
      workerId,
      dispatched: this.parts.dispatchedBy(workerId) - this.before.get(workerId)!,
    }))
  }

  list(): { workerId: number; pool: string }[] {
    const { shape } = this.parts.map
    return dispatching(this.control, shape).map((workerId) => ({
      workerId,
      pool: poolOf(shape, workerId).name,
    }))
  }

  async add(options: { pool?: string } = {}): Promise<number> {
    checkOptions(options)
    return this.parts.changes.run(async () => {
      const pool = this.poolNamed(options.pool)
      const thread = threadsOf(pool).find((one) => presenceOf(this.control, one) === ABSENT)
      if (thread === undefined) {
        const text = `Pool ${pool.name} has ${pool.workers} workers, as many as it may, or one that is still ending: raise maxWorkers`
        throw new CapabilityError(text)
      }
      await this.parts.start(thread)
      this.join(thread)
      this.rehome(pool)
      return thread
    })
  }

  async remove(workerId: number): Promise<void> {
    const { left } = await this.parts.changes.run(async () => {
      const { shape } = this.parts.map
      this.checkThreads()
      if (!dispatchers(shape).includes(workerId) || presenceOf(this.control, workerId) !== PRESENT)
        throw new OptionsError(`There is no worker ${String(workerId)}`)
      const pool = poolOf(shape, workerId)
      if (presentIn(this.control, pool).length === 1)
        throw new OptionsError(
          `Worker ${workerId} is the only one of pool ${pool.name}: add another one first`,
        )
      const ended = this.parts.left(workerId)
      setPresence(this.control, workerId, LEAVING)
      this.rehome(pool)
      return { left: ended }
    })
    await left
  }

  /** It has ended. */
  onLeft(thread: number): void {
    setPresence(this.control, thread, ABSENT)
  }

  private join(thread: number): void {
    this.before.set(thread, this.parts.dispatchedBy(thread))
    this.parts.onJoined(thread)
    setPresence(this.control, thread, PRESENT)
  }

  private rehome(pool: PoolShape): void {
    assignHomes(this.control, this.parts.map.shape, pool)
    this.parts.announce()
  }

  private poolNamed(name: string | undefined): PoolShape {
    const { pools } = this.parts.map.shape
    this.checkThreads()
    const pool = name === undefined ? pools[0] : pools.find((one) => one.name === name)
    if (pool === undefined)
      throw new OptionsError(
        `There is no pool ${String(name)}: there are ${pools.map((one) => one.name).join(', ')}`,
      )
    return pool
  }

  private checkThreads(): void {
    if (this.parts.map.shape.workers === 0)
      throw new OptionsError(
        'With workers: 0 handlers run in the engine’s own thread: none can be added or removed',
      )
  }
}

/** @throws OptionsError */
function checkOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new OptionsError('engine.workers.add takes an object of options')
  const unknown = Object.keys(options).find((name) => name !== 'pool')
  if (unknown !== undefined) throw new OptionsError(`Unknown option ${unknown}: known is pool`)
}
