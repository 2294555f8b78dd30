import { maxPayloadBytes, type Ticket } from '../../native-free-ring/src/index.ts'
import { Block } from '../event/block.ts'
import { checkPolicy, noStore, type Policy } from '../event/policy.ts'
import { priorityOf } from '../event/priority.ts'
import type { PublishOptions } from '../event/publishing.ts'
import {
  ASKS,
  CODEC_BYTES,
  CODEC_MASK,
  type Draft,
  draftBytes,
  EXPIRES,
  HAS_KEY,
  IN_BLOCK,
} from '../event/record.ts'
import type { SharedMap } from '../lane/map.ts'
import { maxCoalescedBytes } from '../lane/places.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import type { BlockWriter } from './block-writer.ts'
import { fillDraft, newDraft, tooLarge, tooLargeForBlocks } from './draft.ts'
import type { PoolRoutes } from './pool-routes.ts'
import type { TopicFormats } from './topic-formats.ts'

/** Prepares what a publisher publishes, one event at a time: its policy, its encoded data, its size against the limits. */
export class Drafter {
  /** The event that was prepared last. */
  readonly draft: Draft
  /** What to do with it if its lane is full. */
  onFull: Policy
  private readonly topics: TopicTable
  private readonly routes: PoolRoutes
  private readonly formats: TopicFormats
  private readonly blocks: BlockWriter
  /** The engine's. */
  private readonly usual: Policy
  private readonly maxBytes: number
  /** Of an event's data, with a block if need be. */
  private readonly maxDataBytes: number
  /** With a key, and with `coalesce`. */
  private readonly maxCoalesced: number
  private readonly spills: boolean
  /** Events without a key go by their id, so that those of one id meet. */
  private readonly byId: boolean

  constructor(
    { shape }: SharedMap,
    topics: TopicTable,
    routes: PoolRoutes,
    formats: TopicFormats,
    blocks: BlockWriter,
    onFull: Policy,
  ) {
    this.draft = newDraft()
    this.onFull = onFull
    this.topics = topics
    this.routes = routes
    this.formats = formats
    this.blocks = blocks
    this.usual = onFull
    this.maxBytes = maxPayloadBytes(shape.ringBytes)
    this.maxDataBytes = Math.max(this.maxBytes, blocks.maxBytes)
    this.maxCoalesced = maxCoalescedBytes(shape)
    this.spills = shape.spills
    this.byId = shape.rememberedIds > 0
  }

  /**
   * Answers how many bytes its record takes.
   *
   * @throws InvalidEventError, EncodeError, OptionsError, CapabilityError: what was given is the caller's.
   */
  prepare(type: string, data: unknown, options: PublishOptions | undefined, ticket?: Ticket): number {
    const { draft } = this
    const topicId = this.topics.idOf(type)
    // A request that is dropped would never be answered.
    const onFull = ticket === undefined ? this.policy(options) : (options?.onFull ?? 'block')
    const priority = priorityOf(options?.priority)
    fillDraft(draft, data, options, this.maxDataBytes, this.byId, this.formats.of(type, topicId))
    draft.ticket = ticket
    if (ticket !== undefined) draft.flags |= ASKS
    this.onFull = onFull
    draft.spills = onFull === 'spill'
    // The clock may be late by as long as this thread has not yielded.
    if ((draft.flags & EXPIRES) !== 0) draft.time = Date.now()
    draft.priority = priority
    draft.pools = this.routes.poolsOf(type, topicId)
    draft.topicId = topicId
    draft.topic = topicId === 0 ? Buffer.from(type, 'utf8') : undefined
    const limit = onFull === 'coalesce' && (draft.flags & HAS_KEY) !== 0 ? this.maxCoalesced : this.maxBytes
    const bytes = draftBytes(draft)
    const isBlock = (draft.flags & CODEC_MASK) === CODEC_BYTES && draft.data instanceof Block
    return bytes <= limit && !isBlock ? bytes : this.divert(bytes, limit)
  }

  /** The event was not accepted: its data are the caller's. */
  giveBack(draft = this.draft): void {
    if ((draft.flags & IN_BLOCK) !== 0) this.blocks.giveBack(draft)
  }

  /** Has its data go to a block; answers what its record takes then. */
  private divert(whole: number, limit: number): number {
    const { draft, blocks } = this
    // One for each pool, which are allocated together.
    const maxBytes = blocks.maxBytesOf(draft.pools.length)
    if (draft.dataBytes > maxBytes)
      throw blocks.maxBytes === 0 ? tooLarge(whole, limit) : tooLargeForBlocks(draft.dataBytes, maxBytes)
    blocks.divert(draft)
    const bytes = draftBytes(draft)
    if (bytes <= limit) return bytes
    this.giveBack()
    throw tooLarge(bytes, limit)
  }

  private policy(options: PublishOptions | undefined): Policy {
    const policy = options?.onFull
    if (policy === undefined) return this.usual
    checkPolicy(policy)
    if (policy === 'spill' && !this.spills) throw noStore()
    return policy
  }
}
