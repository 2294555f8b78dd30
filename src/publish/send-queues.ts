import { closedError } from '../errors.ts'
import { type Draft, ORDERED } from '../event/record.ts'
import type { WaitOptions } from '../lane/deadline.ts'
import type { Waits } from '../lane/waits.ts'
import { type LaneWriters, NO_ROOM } from './lane-writers.ts'
import { SendQueue } from './send-queue.ts'

/** Events without a key wait together: any of their lanes will do. */
const FREE = -1

/** The sends of a publisher that wait for room, by lane. */
export class SendQueues {
  private readonly queues = new Map<number, SendQueue>()
  private readonly lanes: LaneWriters
  private readonly waits: Waits
  private readonly isClosed: () => boolean

  constructor(lanes: LaneWriters, waits: Waits, isClosed: () => boolean) {
    this.lanes = lanes
    this.waits = waits
    this.isClosed = isClosed
  }

  get isWaiting(): boolean {
    return this.queues.size > 0
  }

  /** Whether sends wait that this draft must not overtake. */
  hasBefore(draft: Draft): boolean {
    return this.queues.has(this.keyOf(draft))
  }

  /** Resolves when the draft, which nobody else uses, was published. */
  wait(draft: Draft, options: WaitOptions): Promise<void> {
    const key = this.keyOf(draft)
    return (this.queues.get(key) ?? this.open(key)).wait(draft, options)
  }

  /** Ends all waits with `reason`. */
  fail(reason: unknown): void {
    for (const queue of [...this.queues.values()]) queue.fail(reason)
  }

  private keyOf(draft: Draft): number {
    return (draft.flags & ORDERED) === 0 ? FREE : this.lanes.laneOfKey(draft.keyHash)
  }

  private open(key: number): SendQueue {
    const { lanes, waits } = this
    const want = (room: boolean) => (key === FREE ? lanes.wantFree(room) : lanes.want(key, room))
    const hasRoom = (draft: Draft, bytes: number) =>
      key === FREE ? lanes.hasFreeRoom(draft, bytes) : lanes.hasRoom(key, draft, bytes)
    const queue: SendQueue = new SendQueue(
      (draft, bytes) => this.isClosed() || hasRoom(draft, bytes),
      (draft, bytes) => {
        if (this.isClosed()) throw closedError()
        if (lanes.place(draft, bytes) === NO_ROOM) return false
        lanes.commit()
        return true
      },
      () => {
        want(false)
        this.queues.delete(key)
        waits.remove(queue)
      },
    )
    this.queues.set(key, queue)
    // Before the next look at the room: a release after that look wakes this thread.
    want(true)
    waits.add(queue)
    return queue
  }
}
