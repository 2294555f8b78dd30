import type { Policy } from '../event/policy.ts'
import { NoticeLog } from '../lane/notice-log.ts'
import {
  HIGH_WATER,
  HIGH_WATER_TOPIC,
  LOW_WATER,
  LOW_WATER_TOPIC,
  type NoticeTopic,
} from '../lane/notices.ts'

/** A lane that was found full is looked at again after so many milliseconds. */
const LOOK_MS = 100

/** A ring that the publisher writes. */
type Fillable = { readonly usedBytes: number; readonly capacity: number; isFilledTo(bytes: number): boolean }

/** What a publisher has to tell of its lanes: what they dropped, when they fill up, and when they have emptied again. */
export class PublisherNotices {
  private readonly log: NoticeLog
  /** Lanes that were told to be full. */
  private readonly high = new Map<Fillable, number>()
  private timer: NodeJS.Timeout | undefined

  constructor(control: Int32Array, notify: (topic: NoticeTopic, notice: unknown) => void) {
    this.log = new NoticeLog(control, notify)
  }

  /** Whether somebody is to be told how full lanes are. */
  get wantsLevels(): boolean {
    return this.log.wantsLevels
  }

  get wantsDrops(): boolean {
    return this.log.wantsDrops
  }

  dropped(lane: number, policy: Policy, topic: string, count: number): void {
    if (this.wantsDrops) this.log.dropped({ where: 'lane', lane }, policy, topic, count)
  }

  /** After writing into a lane. */
  look(lane: number, ring: Fillable): void {
    if (!this.log.wantsLevels || !ring.isFilledTo(HIGH_WATER * ring.capacity) || this.high.has(ring)) return
    this.high.set(ring, lane)
    this.timer ??= setInterval(() => this.lookAgain(), LOOK_MS).unref()
    this.tell(HIGH_WATER_TOPIC, lane, ring)
  }

  /** After a commit. */
  flush(): void {
    this.log.flush()
  }

  close(): void {
    clearInterval(this.timer)
    this.log.close()
  }

  private lookAgain(): void {
    for (const [ring, lane] of this.high) {
      if (ring.usedBytes >= LOW_WATER * ring.capacity) continue
      this.high.delete(ring)
      this.tell(LOW_WATER_TOPIC, lane, ring)
    }
    this.flush()
    if (this.high.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  private tell(
    topic: typeof HIGH_WATER_TOPIC | typeof LOW_WATER_TOPIC,
    lane: number,
    { usedBytes, capacity }: Fillable,
  ): void {
    this.log.level(topic, { where: 'lane', lane, used: usedBytes, capacity })
  }
}
