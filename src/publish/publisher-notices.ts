import type { Policy } from '../event/policy.ts'
import { DropLog } from '../lane/drop-log.ts'
import { NOTICES } from '../lane/map.ts'
import {
  DROPPED_TOPIC,
  HIGH_WATER,
  HIGH_WATER_TOPIC,
  LOW_WATER,
  LOW_WATER_TOPIC,
  noticeBit,
} from '../lane/notices.ts'

/** A lane that was found full is looked at again after so many milliseconds. */
const LOOK_MS = 100

/** A ring that the publisher writes. */
type Fillable = { readonly usedBytes: number; readonly capacity: number; isFilledTo(bytes: number): boolean }

/**
 * What a publisher has to tell of its lanes: what they dropped, when they fill up, and when they have emptied again. It tells by
 * publishing, so only once what is being published is committed.
 */
export class PublisherNotices {
  private readonly control: Int32Array
  private readonly publish: (type: string, data: unknown) => void
  private readonly drops: DropLog
  /** Lanes that were told to be full. */
  private readonly high = new Map<Fillable, number>()
  private timer: NodeJS.Timeout | undefined
  private queue: [type: string, data: unknown][] = []

  constructor(control: Int32Array, publish: (type: string, data: unknown) => void) {
    this.control = control
    this.publish = publish
    this.drops = new DropLog((notice) => this.publish(DROPPED_TOPIC, notice))
  }

  dropped(lane: number, policy: Policy, topic: string, count: number): void {
    if (this.isWanted(DROPPED)) this.drops.add({ where: 'lane', lane }, policy, topic, count)
  }

  /** After writing into a lane. */
  look(lane: number, ring: Fillable): void {
    const { control, high } = this
    if ((control[NOTICES]! & LEVELS) === 0 || !ring.isFilledTo(HIGH_WATER * ring.capacity) || high.has(ring))
      return
    high.set(ring, lane)
    this.timer ??= setInterval(() => this.lookAgain(), LOOK_MS).unref()
    this.queue.push([
      HIGH_WATER_TOPIC,
      { where: 'lane', lane, used: ring.usedBytes, capacity: ring.capacity },
    ])
  }

  /** After a commit. */
  flush(): void {
    this.drops.flush()
    if (this.queue.length === 0) return
    const { queue } = this
    this.queue = []
    for (const [type, data] of queue) this.publish(type, data)
  }

  close(): void {
    clearInterval(this.timer)
    this.drops.close()
  }

  get wantsDrops(): boolean {
    return this.isWanted(DROPPED)
  }

  private isWanted(bits: number): boolean {
    return (this.control[NOTICES]! & bits) !== 0
  }

  private lookAgain(): void {
    for (const [ring, lane] of this.high) {
      const { usedBytes, capacity } = ring
      if (usedBytes >= LOW_WATER * capacity) continue
      this.high.delete(ring)
      this.publish(LOW_WATER_TOPIC, { where: 'lane', lane, used: usedBytes, capacity })
    }
    if (this.high.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }
}

const DROPPED = noticeBit(DROPPED_TOPIC)
const LEVELS = noticeBit(HIGH_WATER_TOPIC) | noticeBit(LOW_WATER_TOPIC)
