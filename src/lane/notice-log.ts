import type { Policy } from '../event/policy.ts'
import { NOTICES } from './map.ts'
import {
  DROPPED_TOPIC,
  type DropNotice,
  HIGH_WATER_TOPIC,
  isNotice,
  type LevelNotice,
  LOW_WATER_TOPIC,
  type NoticePlace,
  type NoticeTopic,
  noticeBit,
} from './notices.ts'

/** At most one notice of drops of a kind in so many milliseconds. */
const PERIOD_MS = 1_000

const DROPS = noticeBit(DROPPED_TOPIC)
const LEVELS = noticeBit(HIGH_WATER_TOPIC) | noticeBit(LOW_WATER_TOPIC)

/** Drops of one kind, since the last notice; there is none of these a period after the last drop. */
type Drops = { notice: DropNotice; timer: NodeJS.Timeout }

/** What one thread has to tell, and tells once it does no harm to publish: at `flush`, or by a timer. */
export class NoticeLog {
  private readonly control: Int32Array
  private readonly notify: (topic: NoticeTopic, notice: unknown) => void
  private readonly drops = new Map<string, Drops>()
  private queue: (() => void)[] = []

  constructor(control: Int32Array, notify: (topic: NoticeTopic, notice: unknown) => void) {
    this.control = control
    this.notify = notify
  }

  /** Whether somebody asks for notices of drops. */
  get wantsDrops(): boolean {
    return (this.control[NOTICES]! & DROPS) !== 0
  }

  get wantsLevels(): boolean {
    return (this.control[NOTICES]! & LEVELS) !== 0
  }

  dropped(place: NoticePlace, policy: Policy, topic: string, count: number): void {
    if (isNotice(topic)) return
    const name = typeof policy === 'object' ? 'sample' : policy
    const kind = place.where === 'lane' ? name : `${name} ${place.subscription}`
    const known = this.drops.get(kind)
    const notice = { ...place, topic, policy, count: (known?.notice.count ?? 0) + count }
    if (known !== undefined) {
      known.notice = notice
      return
    }
    const drops: Drops = { notice, timer: setInterval(() => this.tell(kind), PERIOD_MS).unref() }
    this.drops.set(kind, drops)
    this.queue.push(() => this.tell(kind))
  }

  level(topic: typeof HIGH_WATER_TOPIC | typeof LOW_WATER_TOPIC, notice: LevelNotice): void {
    this.queue.push(() => this.notify(topic, notice))
  }

  flush(): void {
    if (this.queue.length === 0) return
    const { queue } = this
    this.queue = []
    for (const tell of queue) tell()
  }

  close(): void {
    for (const { timer } of this.drops.values()) clearInterval(timer)
    this.drops.clear()
    this.queue = []
  }

  private tell(kind: string): void {
    const drops = this.drops.get(kind)
    if (drops === undefined) return
    const { notice, timer } = drops
    if (notice.count === 0) {
      clearInterval(timer)
      this.drops.delete(kind)
      return
    }
    drops.notice = { ...notice, count: 0 }
    this.notify(DROPPED_TOPIC, notice)
  }
}
