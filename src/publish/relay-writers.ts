import { FULL, LatestGauge, LatestWriter, LossyWriter } from '../../native-free-ring/src/index.ts'
import { readRef } from '../event/block-ref.ts'
import type { Policy } from '../event/policy.ts'
import { type Draft, flagsOf, hasKeyOf, IN_BLOCK, readTopic, topicIdOf, writeDraft } from '../event/record.ts'
import type { SharedMap } from '../lane/map.ts'
import { relayPlace } from '../lane/places.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import type { BlockWriter } from './block-writer.ts'
import type { PublisherNotices } from './publisher-notices.ts'

/**
 * A publisher's ends of its relays: where an event may take the place of older ones (decision 13).
 *
 * One event at a time: write it into the lanes of its pools, then commit or abort.
 */
export class RelayWriters {
  private readonly map: SharedMap
  private readonly publisher: number
  private readonly lossy: (LossyWriter | undefined)[] = []
  private readonly latest: (LatestWriter | undefined)[] = []
  /** What is written and not committed: in a lane of each pool. */
  private readonly open: { readonly lane: number; readonly writer: LossyWriter | LatestWriter }[] = []
  private readonly topics: TopicTable
  private readonly notices: PublisherNotices
  private readonly blocks: BlockWriter

  constructor(
    map: SharedMap,
    publisher: number,
    topics: TopicTable,
    blocks: BlockWriter,
    notices: PublisherNotices,
  ) {
    this.map = map
    this.blocks = blocks
    this.publisher = publisher
    this.topics = topics
    this.notices = notices
  }

  /** Events written into a lane by all publishers that have had this number. */
  writtenTo(lane: number): number {
    const place = relayPlace(this.map, this.publisher, lane)
    return new LossyWriter(place.lossy).written + new LatestGauge(place.latest).counts().written
  }

  /** Writes into the lane's lossy ring; answers false if there is no room, and it must not `overwrite`. */
  write(lane: number, draft: Draft, bytes: number, overwrite: boolean): boolean {
    const writer = this.lossyOf(lane)
    const at = writer.claim(bytes, overwrite)
    if (at === FULL) return false
    if (writer.lost > 0) this.tellLost(lane, 'drop-oldest', writer)
    writeDraft(writer, at, draft)
    this.open.push({ lane, writer })
    this.notices.look(lane, writer)
    return true
  }

  /** Writes in the place of the event with the same key that lies unread in the lane's table, if there is one. */
  coalesce(lane: number, draft: Draft, bytes: number): void {
    const writer = this.latestOf(lane)
    const at = writer.claim(draft.keyHash, bytes, (other) => hasKeyOf(writer.bytes, other, draft))
    if (writer.lost > 0) this.tellLost(lane, 'coalesce', writer)
    writeDraft(writer, at, draft)
    this.open.push({ lane, writer })
    this.notices.look(lane, writer)
  }

  get isDirty(): boolean {
    return this.open.length > 0
  }

  /** `onNews`: in this lane is something to read. */
  commit(onNews: (lane: number) => void): void {
    for (const { lane, writer } of this.open) {
      writer.commit()
      // Of the table, what was replaced stays until then.
      if (writer instanceof LatestWriter && writer.lost > 0) {
        this.discard(writer, writer.lostAt, writer.lostEnd)
        writer.forget()
      }
      onNews(lane)
    }
    this.open.length = 0
  }

  /**
   * Gives up what lies unread in the lane's lossy ring, the oldest first, up to one that had a block; false if none has.
   */
  dropOldest(lane: number): boolean {
    const writer = this.lossyOf(lane)
    const hasBlock = (at: number): boolean => (flagsOf(writer.words, at) & IN_BLOCK) !== 0
    if (writer.count(hasBlock) === 0) return false
    while (writer.drop()) {
      this.tellLost(lane, 'drop-oldest', writer)
      if (hasBlock(writer.lostAt)) return true
    }
    return false
  }

  abort(): void {
    for (const { writer } of this.open) writer.resume()
    this.open.length = 0
  }

  /** Before what is lost is overwritten. */
  private tellLost(lane: number, policy: Policy, writer: LossyWriter | LatestWriter): void {
    if (!this.notices.wantsDrops) return
    const { words, bytes, lost, lostAt } = writer
    const topicId = topicIdOf(words, lostAt)
    const topic = topicId === 0 ? readTopic(bytes, lostAt) : this.topics.nameOf(topicId)
    this.notices.dropped(lane, policy, topic, lost)
  }

  /** Frees what a record that is lost refers to. */
  private discard({ words, bytes }: LossyWriter | LatestWriter, at: number, end: number): void {
    if ((flagsOf(words, at) & IN_BLOCK) !== 0) this.blocks.discard(readRef(bytes, end))
  }

  private lossyOf(lane: number): LossyWriter {
    const known = this.lossy[lane]
    if (known !== undefined) return known
    const place = relayPlace(this.map, this.publisher, lane).lossy
    const writer: LossyWriter = new LossyWriter(place, (at, end) => this.discard(writer, at, end))
    this.lossy[lane] = writer
    return writer
  }

  private latestOf(lane: number): LatestWriter {
    const known = this.latest[lane]
    if (known !== undefined) return known
    const writer = new LatestWriter(relayPlace(this.map, this.publisher, lane).latest)
    // Whoever had this number before may have died in the middle of a commit.
    writer.repair()
    this.latest[lane] = writer
    return writer
  }
}
