import type { Policy } from '../event/policy.ts'
import { readTopic } from '../event/record.ts'
import { DropLog } from '../lane/drop-log.ts'
import type { MailboxPlace } from '../lane/mailbox.ts'
import type { MailboxObserver } from '../lane/mailbox-writer.ts'
import { NOTICES } from '../lane/map.ts'
import {
  DROPPED_TOPIC,
  HIGH_WATER_TOPIC,
  LOW_WATER_TOPIC,
  type NoticePlace,
  noticeBit,
} from '../lane/notices.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import type { WaitingPublisher } from './context.ts'

const DROPS = noticeBit(DROPPED_TOPIC)
const LEVELS = noticeBit(HIGH_WATER_TOPIC) | noticeBit(LOW_WATER_TOPIC)

/** What a dispatcher has to tell of the mailboxes that it fills: what they drop, and when they are nearly full. */
export class MailboxNotices implements MailboxObserver {
  private readonly control: Int32Array
  private readonly topics: TopicTable
  private readonly publisher: WaitingPublisher
  private readonly drops: DropLog
  private queue: unknown[] = []

  constructor(control: Int32Array, topics: TopicTable, publisher: WaitingPublisher) {
    this.control = control
    this.topics = topics
    this.publisher = publisher
    this.drops = new DropLog((notice) => this.publish(DROPPED_TOPIC, notice))
  }

  get wantsDrops(): boolean {
    return (this.control[NOTICES]! & DROPS) !== 0
  }

  get wantsLevels(): boolean {
    return (this.control[NOTICES]! & LEVELS) !== 0
  }

  dropped(
    place: MailboxPlace,
    policy: Policy,
    topicId: number,
    bytes: Uint8Array,
    at: number,
    count: number,
  ): void {
    const topic = topicId === 0 ? readTopic(bytes, at) : this.topics.nameOf(topicId)
    this.drops.add(placeOf(place), policy, topic, count)
  }

  filled(place: MailboxPlace, used: number): void {
    this.queue.push({ ...placeOf(place), used, capacity: place.capacity })
  }

  /** Outside of any mailbox. */
  flush(): void {
    this.drops.flush()
    if (this.queue.length === 0) return
    const { queue } = this
    this.queue = []
    for (const data of queue) this.publish(HIGH_WATER_TOPIC, data)
  }

  close(): void {
    this.drops.close()
  }

  private publish(type: string, data: unknown): void {
    try {
      this.publisher.publish({ type, data, onFull: 'drop-newest' })
    } catch {
      // Closed meanwhile: the ledger has it.
    }
  }
}

function placeOf({ id, patterns }: MailboxPlace): NoticePlace {
  return { where: 'mailbox', subscription: id, patterns }
}
