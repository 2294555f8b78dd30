import { closedError } from '../errors.ts'
import { type Draft, draftBytes, ORDERED } from '../event/record.ts'
import { Deadline, type WaitOptions } from '../lane/deadline.ts'
import type { Waits, Watch } from '../lane/waits.ts'
import type { PoolWriters } from './pool-writers.ts'

type Send = {
  readonly draft: Draft
  readonly bytes: number
  /** Where it waits: one in each of its pools. */
  readonly ways: readonly number[]
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
  deadline: Deadline | undefined
}

/**
 * The sends of a publisher that wait for room, first come, first served: an event that was sent earlier is never overtaken by one of the same lane
 * that happens to be smaller. One that goes to several pools waits in a lane of each, until it is the first in all of them. Without a key, those of
 * the same pools wait together.
 */
export class SendQueues implements Watch {
  private readonly queues = new Map<number, Send[]>()
  readonly pools: PoolWriters
  private readonly waits: Waits
  private readonly isClosed: () => boolean

  constructor(pools: PoolWriters, waits: Waits, isClosed: () => boolean) {
    this.pools = pools
    this.waits = waits
    this.isClosed = isClosed
  }

  get isWaiting(): boolean {
    return this.queues.size > 0
  }

  /** Whether sends wait that this draft must not overtake. */
  hasBefore(draft: Draft, pools = draft.pools): boolean {
    if ((draft.flags & ORDERED) !== 0)
      return this.pools.waysOf(draft, pools).some((way) => this.queues.has(way))
    // Without a key there is no order: only what one waits for may not be taken away from it.
    for (const [way, [first]] of this.queues)
      if (way < 0 && this.pools.mayStarve(pools, draftBytes(draft), first!.draft, first!.bytes)) return true
    return false
  }

  /** Resolves when the draft, which nobody else uses, was published. */
  wait(draft: Draft, options: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const ways = this.pools.waysOf(draft, draft.pools)
      const send: Send = { draft, bytes: draftBytes(draft), ways, resolve, reject, deadline: undefined }
      send.deadline = new Deadline(options, 'Room in the lane', (reason) => this.withdraw(send, reason))
      for (const way of ways) this.join(way, send)
      this.waits.add(this)
    })
  }

  ready(): boolean {
    for (const [first] of this.queues.values()) if (this.isNext(first!) && this.mayEnd(first!)) return true
    return false
  }

  advance(): boolean {
    try {
      while (this.placeAll() > 0);
    } catch (error) {
      this.fail(error)
    }
    return !this.isWaiting
  }

  /** Ends all waits with `reason`. */
  fail(reason: unknown): void {
    for (const send of new Set([...this.queues.values()].flat())) this.withdraw(send, reason)
  }

  /** Places those that are next in their lanes, as far as there is room; answers how many. */
  private placeAll(): number {
    const { pools } = this
    let placed = 0
    for (const queue of [...this.queues.values()]) {
      for (let first = queue[0]; first !== undefined && this.isNext(first); first = queue[0]) {
        if (this.isClosed()) throw closedError()
        if (!pools.place(first.draft, first.bytes)) break
        pools.lanes.flush()
        this.leave(first)
        first.deadline?.clear()
        first.resolve()
        placed++
      }
    }
    return placed
  }

  /** Whether it is the first in each of its lanes. */
  private isNext(send: Send): boolean {
    return send.ways.every((way) => this.queues.get(way)?.[0] === send)
  }

  private mayEnd({ draft, bytes }: Send): boolean {
    return this.isClosed() || this.pools.hasRoom(draft, bytes)
  }

  private join(way: number, send: Send): void {
    const queue = this.queues.get(way)
    if (queue !== undefined) {
      queue.push(send)
      return
    }
    this.queues.set(way, [send])
    // Before the next look at the room: a release after that look wakes this thread.
    this.pools.want(way, true)
  }

  private leave(send: Send): void {
    for (const way of send.ways) {
      const queue = this.queues.get(way)!
      if (queue[0] === send) queue.shift()
      else queue.splice(queue.indexOf(send), 1)
      if (queue.length > 0) continue
      this.queues.delete(way)
      this.pools.want(way, false)
    }
    if (!this.isWaiting) this.waits.remove(this)
  }

  private withdraw(send: Send, reason: unknown): void {
    if (!this.queues.get(send.ways[0]!)?.includes(send)) return
    this.leave(send)
    send.deadline?.clear()
    send.reject(reason)
  }
}
