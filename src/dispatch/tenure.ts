import { isThenable } from '../thenable.ts'
import type { HookWorker, ModuleHooks } from './hooks.ts'

export type LaneHook = 'laneGained' | 'laneLost'

/** Who is told of a lane's coming and going, on one thread. */
export type Tenants = {
  readonly worker: HookWorker
  /** Of the modules there are now. */
  hooks: readonly ModuleHooks[]
  /** Whether any of them has ever asked. */
  isAsked: boolean
  /** A hook has failed. */
  onError(error: unknown, hook: LaneHook, lane: number): void
}

/** Some modules take the place of others. */
export type TurnOver = { readonly gone: readonly ModuleHooks[]; readonly come: readonly ModuleHooks[] }

/**
 * One lane as the modules of a worker have it (decision 17): it is gained before its first event is dispatched, and lost before its
 * lease is given back.
 */
export class Tenure {
  private readonly lane: number
  private readonly tenants: Tenants
  private readonly onPending: (settled: Promise<void>) => void
  isHeld = false
  private pending: Promise<void> | undefined
  /** Who has gained it. */
  private readonly holders = new Set<ModuleHooks>()
  /** What is to come once the lane is quiet. */
  private readonly expected: TurnOver[] = []

  /** `onPending`: asynchronous hooks were called; the promise never rejects. */
  constructor(lane: number, tenants: Tenants, onPending: (settled: Promise<void>) => void) {
    this.lane = lane
    this.tenants = tenants
    this.onPending = onPending
  }

  /** Hooks are under way: the lane stays as it is. */
  get isPending(): boolean {
    return this.pending !== undefined
  }

  /** The lane is gained, if it was not. Answers whether events may be dispatched. */
  begin(): boolean {
    if (!this.isHeld) this.change(true)
    return !this.isPending
  }

  /** The lane is lost, if it was not. Answers whether others may have it. */
  end(): boolean {
    if (this.isHeld) this.change(false)
    return !this.isPending
  }

  /** Some modules will take the place of others: at the next `turnOver` of each call of this. */
  expect(change: TurnOver): void {
    this.expected.push(change)
  }

  /** Whether some are to come that have not gained the lane. */
  get isExpecting(): boolean {
    return this.expected.some(({ come }) => come.length > 0)
  }

  /** Those that are to come gain the lane already: what is in flight needs what they are to handle. */
  gainAhead(): void {
    const calls = this.expected.flatMap(({ come }) => this.call('laneGained', come))
    this.expected.forEach(({ gone }, index) => {
      this.expected[index] = { gone, come: [] }
    })
    if (calls.length > 0) this.pend(Promise.all(calls).then(() => {}))
  }

  /** The lane is quiet: those that are gone lose it, and then those that come gain it. */
  turnOver(): void {
    this.pend(this.handOver(this.pending, this.expected.shift()!))
  }

  private async handOver(before: Promise<void> | undefined, { gone, come }: TurnOver): Promise<void> {
    await before
    await Promise.all(this.call('laneLost', gone))
    await Promise.all(this.call('laneGained', come))
  }

  /** Resolves when nothing is under way. */
  async settle(): Promise<void> {
    await this.pending
  }

  private change(isHeld: boolean): void {
    this.isHeld = isHeld
    const calls = isHeld ? this.call('laneGained', this.tenants.hooks) : this.call('laneLost', this.holders)
    if (calls.length > 0) this.pend(Promise.all(calls).then(() => {}))
  }

  private pend(work: Promise<void>): void {
    const pending = work.then(() => {
      if (this.pending === pending) this.pending = undefined
    })
    this.pending = pending
    this.onPending(pending)
  }

  /** Answers what is to be waited for. */
  private call(hook: LaneHook, all: Iterable<ModuleHooks>): Promise<void>[] {
    const { lane, tenants } = this
    const calls: Promise<void>[] = []
    for (const hooks of [...all]) {
      if (hook === 'laneGained') this.holders.add(hooks)
      else this.holders.delete(hooks)
      try {
        const result = hooks[hook]?.(lane, tenants.worker)
        if (isThenable(result)) {
          const onError = (error: unknown) => tenants.onError(error, hook, lane)
          calls.push(Promise.resolve(result).then(() => {}, onError))
        }
      } catch (error) {
        tenants.onError(error, hook, lane)
      }
    }
    return calls
  }
}
