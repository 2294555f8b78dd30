import type { EventOrigins } from '../event/origins.ts'
import type { Policy } from '../event/policy.ts'
import { readTopic, topicIdOf } from '../event/record.ts'
import type { MailboxPlace } from '../lane/mailbox.ts'
import type { MailboxObserver } from '../lane/mailbox-writer.ts'
import { NoticeLog } from '../lane/notice-log.ts'
import { HIGH_WATER_TOPIC, type NoticePlace } from '../lane/notices.ts'
import type { RecordView } from '../lane/outlet.ts'
import type { WaitingPublisher } from './context.ts'

/** What a dispatcher has to tell of the mailboxes that it fills: what they drop, and when they are nearly full. */
export class MailboxNotices implements MailboxObserver {
  private readonly log: NoticeLog
  private readonly origins: EventOrigins

  constructor(control: Int32Array, origins: EventOrigins, publisher: WaitingPublisher) {
    this.origins = origins
    this.log = new NoticeLog(control, (topic, notice) => publisher.notify(topic, notice))
  }

  get wantsDrops(): boolean {
    return this.log.wantsDrops
  }

  get wantsLevels(): boolean {
    return this.log.wantsLevels
  }

  dropped(
    place: MailboxPlace,
    policy: Policy,
    { bytes, words }: RecordView,
    at: number,
    count: number,
  ): void {
    const topicId = topicIdOf(words, at)
    const topic = topicId === 0 ? readTopic(bytes, at) : this.origins.nameOf(topicId)
    this.log.dropped(placeOf(place), policy, topic, count)
  }

  filled(place: MailboxPlace, used: number): void {
    this.log.level(HIGH_WATER_TOPIC, { ...placeOf(place), used, capacity: place.capacity })
  }

  /** Outside of any mailbox. */
  flush(): void {
    this.log.flush()
  }

  close(): void {
    this.log.close()
  }
}

function placeOf({ id, patterns }: MailboxPlace): NoticePlace {
  return { where: 'mailbox', subscription: id, patterns }
}
