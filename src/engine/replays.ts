import { threadId } from 'node:worker_threads'
import { wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { MillraceEvent } from '../event/event.ts'
import type { EventOrigins } from '../event/origins.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { InboxWriter } from '../lane/inbox.ts'
import { type MailboxPlace, takeWanted } from '../lane/mailbox.ts'
import { MailboxReader } from '../lane/mailbox-reader.ts'
import { dispatchers, parkedWord, type SharedMap } from '../lane/map.ts'
import type { Watch } from '../lane/waits.ts'

/**
 * The last event of each topic, for workers that start later and have handlers with `replayLast` (decision 20).
 *
 * For the engine's thread.
 */
export class Replays implements Watch {
  private readonly map: SharedMap
  private readonly origins: EventOrigins
  private readonly blocks: ThreadBlocks
  private readonly place: MailboxPlace
  private readonly reader: MailboxReader
  /** Records, by topic. */
  private readonly last = new Map<string, Uint8Array>()
  /** What workers have yet to get: topics, by thread. */
  private readonly missing = new Map<number, { readonly inbox: InboxWriter; readonly topics: Set<string> }>()

  /** `place`: the mailbox in which the events come. */
  constructor(map: SharedMap, origins: EventOrigins, blocks: ThreadBlocks, place: MailboxPlace) {
    this.map = map
    this.origins = origins
    this.blocks = blocks
    this.place = place
    this.reader = new MailboxReader(place, blocks)
  }

  /** A worker starts in a place that was empty, or in that of one that has died. */
  start(thread: number): void {
    this.takeIn()
    const inbox = new InboxWriter(this.map, thread, threadId + 1, this.blocks)
    this.missing.set(thread, { inbox, topics: new Set(this.last.keys()) })
    this.advance()
  }

  ready(): boolean {
    if (this.reader.hasEvents) return true
    for (const { inbox, topics } of this.missing.values()) {
      const [topic] = topics
      if (topic === undefined) return true
      if (inbox.awaitRoom(inbox.roomFor(this.last.get(topic)!), inbox.lacksBlock)) return true
    }
    return false
  }

  advance(): boolean {
    this.takeIn()
    for (const [thread, { inbox, topics }] of this.missing)
      if (this.append(inbox, topics)) this.missing.delete(thread)
    return false
  }

  /** Appends what there is room for; answers whether that was all. */
  private append(inbox: InboxWriter, topics: Set<string>): boolean {
    // The worker has been removed meanwhile.
    if (!inbox.isOpen) return true
    if (!inbox.takeLease()) return false
    // Under the lease: what lies in the inbox was offered to this mailbox before, and is not newer than what is taken in now.
    this.takeIn()
    for (const topic of topics) {
      if (!inbox.append(this.last.get(topic)!)) break
      topics.delete(topic)
    }
    inbox.giveBackLease()
    inbox.onNews()
    return topics.size === 0
  }

  private takeIn(): void {
    const { map, reader, origins } = this
    for (let record = reader.take(); record !== undefined; record = reader.take())
      this.last.set(MillraceEvent.fromCopy(record, 1, origins).type, record)
    if (!takeWanted(this.place)) return
    for (const thread of dispatchers(map.shape)) wake(wordsOf(map.control), parkedWord(thread))
  }
}
