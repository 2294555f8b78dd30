import { maxPayloadBytes, type Ticket, wordsOf } from '../../native-free-ring/src/index.ts'
import { closedError, FullError, InvalidEventError, isA, MillraceError, TimeoutError } from '../errors.ts'
import { Block } from '../event/block.ts'
import { ANY_DATA, type DataFormat } from '../event/payload.ts'
import { overwrites, type Policy } from '../event/policy.ts'
import { NORMAL, PRIORITIES } from '../event/priority.ts'
import type {
  Ask,
  EventInput,
  Publishing,
  PublishOptions,
  RequestManyOptions,
  RequestOptions,
  SendOptions,
  TopicHandle,
} from '../event/publishing.ts'
import type { Draft } from '../event/record.ts'
import { checkWait, checkWaiting, type WaitOptions } from '../lane/deadline.ts'
import { type PublisherSlot, publisherOf, STATE } from '../lane/map.ts'
import type { NoticeTopic } from '../lane/notices.ts'
import { isSampled } from '../lane/sample.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import { Clock } from './clock.ts'
import { keepDraft } from './draft.ts'
import { Drafter } from './drafter.ts'
import { FreeWriter } from './free-writer.ts'
import { afterAccepting, checkInput, inputOf } from './input.ts'
import { KeyedWriter } from './keyed-writer.ts'
import { LaneWriters } from './lane-writers.ts'
import { PoolWriters } from './pool-writers.ts'
import { PublisherNotices } from './publisher-notices.ts'
import type { PublisherParts } from './publisher-parts.ts'
import { checkMany, requestMany } from './request-many.ts'
import type { Requests } from './requests.ts'
import { SendQueues } from './send-queues.ts'

/** A `send` without `timeoutMs` waits so long: every wait is bounded. */
export const SEND_TIMEOUT_MS = 30_000

export type PublisherOptions = {
  onFull: Policy
  /** The engine's state from which this thread may no longer publish. */
  closedFrom: number
}

/**
 * Publishing from one thread, and one depth: limits, encoding, policy, then claim, write and commit in the lane of the event's key.
 */
export class Publisher implements Publishing {
  private readonly parts: PublisherParts
  private readonly slot: Pick<PublisherSlot, 'thread' | 'depth'>
  private readonly control: Int32Array
  private readonly topics: TopicTable
  private readonly requests: Requests
  private readonly notices: PublisherNotices
  private readonly options: PublisherOptions
  private readonly drafter: Drafter
  private readonly draft: Draft
  /** The short ways of events without a key, and with one; undefined if nothing goes there. */
  private readonly direct: FreeWriter | undefined
  private readonly directKeyed: KeyedWriter | undefined
  private readonly clock = new Clock()
  /** How many events were offered to samples of one in so many. */
  private readonly samples = new Map<number, number>()
  /** The lanes, and those that wait for room there: of each priority that was used. */
  private readonly queues: (SendQueues | undefined)[] = new Array(PRIORITIES).fill(undefined)
  private closed = false
  /** What was published last. */
  private lastTopic: string | undefined
  private lastId = 0
  private lastFormat: DataFormat = ANY_DATA

  constructor(
    parts: PublisherParts,
    slot: Pick<PublisherSlot, 'thread' | 'depth'>,
    options: PublisherOptions,
  ) {
    const { map, topics, routes, requests, formats } = parts
    this.parts = parts
    this.slot = slot
    this.control = wordsOf(map.control)
    this.topics = topics
    this.requests = requests
    this.options = options
    this.notices = new PublisherNotices(this.control, (topic, notice) => this.notify(topic, notice))
    this.drafter = new Drafter(
      map,
      topics,
      routes,
      formats,
      this.queuesOf(NORMAL).pools.lanes.blocks,
      options.onFull,
    )
    this.draft = this.drafter.draft
    const { shape } = map
    const { pools } = this.queuesOf(NORMAL)
    const isDirect = !overwrites(options.onFull) && shape.pools.length === 1
    const direct = {
      lanes: pools.lanes,
      clock: this.clock,
      maxBytes: maxPayloadBytes(shape.ringBytes),
      isOpen: () => this.isDirect(),
    }
    this.direct = isDirect ? new FreeWriter(direct, pools.freeOf(0)) : undefined
    // What has spilled must not be overtaken.
    this.directKeyed = isDirect && !shape.spills ? new KeyedWriter(direct, shape.pools[0]!) : undefined
  }

  publish(type: string | EventInput, data?: unknown, options?: PublishOptions): boolean {
    if (typeof type === 'string') {
      // Nearly always the same as before, or one of a few: looking it up costs as much as writing some fields.
      if (type !== this.lastTopic) this.lookUp(type)
      if (this.publishDirectly(this.lastId, this.lastFormat, data, options)) return true
    }
    return this.publishAny(type, data, options)
  }

  private lookUp(topic: string): void {
    const topicId = this.topics.idOf(topic)
    this.lastFormat = this.parts.formats.of(topic, topicId)
    this.lastId = topicId
    this.lastTopic = topic
  }

  /** A short way, if the event may go one. */
  private publishDirectly(
    topicId: number,
    format: DataFormat,
    data: unknown,
    options: PublishOptions | undefined,
  ): boolean {
    if (topicId === 0) return false
    if (options === undefined) {
      const { direct } = this
      if (direct === undefined || !direct.publish(topicId, format, data)) return false
    } else {
      const key = keyAlone(options)
      const { directKeyed } = this
      if (key === undefined || directKeyed === undefined) return false
      if (!directKeyed.publish(topicId, format, data, key)) return false
    }
    this.notices.flush()
    return true
  }

  /** Whether events may go the short way now: not, if some wait for room. */
  private isDirect(): boolean {
    this.checkOpen()
    return !this.queues[NORMAL]!.isWaiting
  }

  private publishAny(type: string | EventInput, data: unknown, options: PublishOptions | undefined): boolean {
    this.checkOpen()
    // A worker takes longer to wake than an event to be written: if it is parked, it may as well begin.
    if (this.clock.isStale) this.queuesOf(NORMAL).pools.rouse()
    this.draft.time = this.clock.now()
    const input = typeof type === 'string' ? undefined : checkInput(type)
    const accepted =
      input === undefined
        ? this.publishOne(type as string, data, options)
        : this.publishOne(input.type, input.data, input)
    this.notices.flush()
    return accepted
  }

  publishBatch(events: readonly EventInput[]): number {
    this.checkOpen()
    const { runs } = this.parts
    // What failed must be no more than what is in this batch.
    runs.flush()
    runs.isHeld = true
    try {
      return this.publishAll(events)
    } finally {
      runs.isHeld = false
      this.notices.flush()
    }
  }

  private publishAll(events: readonly EventInput[]): number {
    if (!Array.isArray(events)) throw new InvalidEventError('publishBatch takes an array of events')
    this.draft.time = this.clock.now()
    let committed = 0
    let accepted = 0
    let dropped = 0
    let droppedType = ''
    let { lanes } = this.queuesOf(NORMAL).pools
    const commit = (): void => {
      this.parts.runs.commit()
      if (dropped > 0) this.countDrops(droppedType, dropped)
      dropped = 0
      committed = accepted
    }
    try {
      for (; accepted < events.length; accepted++) {
        const input = checkInput(events[accepted])
        const bytes = this.drafter.prepare(input.type, input.data, input)
        if (lanes !== this.lanes) {
          if (accepted > committed) commit()
          lanes = this.lanes
        }
        if (overwrites(this.drafter.onFull)) {
          // What it overwrites is gone at once: it, and so all before it, are accepted here.
          if (accepted > committed) commit()
          this.overwrite(input.type, bytes)
          committed = accepted + 1
          continue
        }
        if (this.place(bytes)) continue
        if (this.drafter.onFull !== 'drop-newest') {
          this.drafter.giveBack()
          break
        }
        const lost = this.placeWhereRoom(bytes)
        if (lost === this.draft.pools.length) lanes.blocks.dropLater(this.draft)
        dropped += lost
        droppedType = input.type
      }
      if (accepted > committed) commit()
    } catch (error) {
      lanes.abort()
      throw afterAccepting(committed, error)
    }
    return accepted
  }

  async send(
    type: string | (EventInput & SendOptions),
    data?: unknown,
    options?: SendOptions,
  ): Promise<void> {
    await this.sendOrWait(type, data, options)
  }

  async sendBatch(events: readonly EventInput[], options: WaitOptions = {}): Promise<void> {
    await this.sendBatchOrWait(events, options)
  }

  /** As `send`, but answers undefined if there was room at once. */
  sendOrWait(
    type: string | (EventInput & SendOptions),
    data?: unknown,
    options?: SendOptions,
  ): Promise<void> | undefined {
    this.checkOpen()
    const input = typeof type === 'string' ? undefined : (checkInput(type) as EventInput & SendOptions)
    const sent =
      input === undefined
        ? this.sendOne(type as string, data, options, options ?? {})
        : this.sendOne(input.type, input.data, input, input)
    this.notices.flush()
    return sent
  }

  request(type: string, data?: unknown, options?: RequestOptions): Promise<any> {
    return this.ask(type, data, options)
  }

  requestMany(
    type: string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options: RequestManyOptions = {},
    ask: Ask = (data, each, onTicket) => this.ask(type, data, each, onTicket),
  ): AsyncGenerator<any, void, undefined> {
    checkMany(inputs, options)
    const { signal: _, concurrency: __, order: ___, ...each } = options
    return requestMany(inputs, options, {
      ask: (data, onTicket) => ask(data, each, onTicket),
      giveUp: (ticket) => this.requests.cancel(ticket),
    })
  }

  /** As `request`; `onTicket` learns which ticket it has, before it is published. */
  ask(
    type: string,
    data: unknown,
    options: RequestOptions = {},
    onTicket?: (ticket: Ticket) => void,
  ): Promise<any> {
    return this.requests.ask(type, options, (ticket) => {
      this.checkOpen()
      onTicket?.(ticket)
      const sent = this.sendOne(type, data, options, options, ticket)
      this.notices.flush()
      return sent
    })
  }

  /** As `sendBatch`, but answers undefined if there was room at once. */
  sendBatchOrWait(events: readonly EventInput[], options: WaitOptions = {}): Promise<void> | undefined {
    checkWait(options)
    options.signal?.throwIfAborted()
    const accepted = this.publishBatch(events)
    return accepted === events.length ? undefined : this.sendRest(events, accepted, options)
  }

  private async sendRest(events: readonly EventInput[], from: number, options: WaitOptions): Promise<void> {
    const { timeoutMs = SEND_TIMEOUT_MS } = options
    const end = performance.now() + timeoutMs
    let next = from
    try {
      while (next < events.length) {
        const input = checkInput(events[next])
        const left = { ...options, timeoutMs: Math.max(0, end - performance.now()) }
        this.checkOpen()
        await this.sendOne(input.type, input.data, input, left)
        next++
        next += this.publishBatch(events.slice(next))
      }
    } catch (thrown) {
      const text = `Room for event ${next + 1} of ${events.length} did not come within ${timeoutMs} ms`
      const accepted = next + (isA(thrown, MillraceError) ? ((thrown as MillraceError).accepted ?? 0) : 0)
      throw afterAccepting(accepted, isA(thrown, TimeoutError) ? new TimeoutError(text, timeoutMs) : thrown)
    }
  }

  allocate(bytes: number): Block {
    this.checkOpen()
    return this.queuesOf(NORMAL).pools.lanes.blocks.allocate(bytes)
  }

  topic(topic: string): TopicHandle {
    const topicId = this.topics.idOf(topic)
    const format = this.parts.formats.of(topic, topicId)
    const publish = (data?: unknown, options?: PublishOptions): boolean =>
      this.publishDirectly(topicId, format, data, options) || this.publishAny(topic, data, options)
    return { topic, publish, send: (data, options) => this.send(topic, data, options as SendOptions) }
  }

  /** Publishes what the engine has to say, if there is room for it. Never throws. */
  notify(topic: NoticeTopic, notice: unknown): void {
    try {
      this.publish({ type: topic, data: notice, onFull: 'drop-newest' })
    } catch {
      // Closed meanwhile, or too large for a lane: whoever published what it is about must not hear of it.
    }
  }

  /** Time has passed: a handler was called. What is published next carries the time at which it is. */
  tick(): void {
    this.clock.expire()
    this.queues[NORMAL]!.pools.lanes.left = 0
  }

  /** Whether sends are waiting for room. */
  get sending(): boolean {
    return this.queues.some((queues) => queues?.isWaiting)
  }

  /** Whether requests of this thread wait for their answer. */
  get asking(): boolean {
    return this.requests.isOpen
  }

  /** Refuses what comes, and ends the sends that wait with a ClosedError. */
  close(): void {
    this.closed = true
    this.notices.close()
    for (const queues of this.queues) queues?.fail(closedError())
  }

  /** True if the event was accepted; else it stands in the draft, and is the caller's again if it `endsHere`. */
  private publishOne(
    type: string,
    data: unknown,
    options: PublishOptions | undefined,
    ticket?: Ticket,
    endsHere = true,
  ): boolean {
    const bytes = this.drafter.prepare(type, data, options, ticket)
    if (overwrites(this.drafter.onFull)) {
      this.overwrite(type, bytes)
      return true
    }
    if (this.place(bytes)) {
      this.lanes.commitSoon()
      return true
    }
    // There is something to read for those who are to make room.
    this.lanes.flush()
    if (this.drafter.onFull === 'drop-newest') {
      const lost = this.placeWhereRoom(bytes)
      if (lost < this.draft.pools.length) this.lanes.commitSoon()
      else this.lanes.blocks.drop(this.draft)
      this.countDrops(type, lost)
      return true
    }
    if (endsHere || this.drafter.onFull === 'reject') this.drafter.giveBack()
    if (this.drafter.onFull === 'reject')
      throw new FullError(`No room for an event of type ${type}`, inputOf(type, data, options))
    return false
  }

  private sendOne(
    type: string,
    data: unknown,
    options: PublishOptions | undefined,
    wait: WaitOptions,
    ticket?: Ticket,
  ): Promise<void> | undefined {
    if (typeof wait !== 'object') throw new InvalidEventError('Options are an object')
    checkWaiting(wait)
    // Before the draft is filled: getters may publish.
    const { timeoutMs = SEND_TIMEOUT_MS, signal } = wait
    signal?.throwIfAborted()
    this.draft.time = this.clock.now()
    if (this.publishOne(type, data, options, ticket, false)) return undefined
    const kept = keepDraft(this.draft)
    const sent = this.queuesOf(kept.priority).wait(kept, { timeoutMs, ...(signal && { signal }) })
    if (kept.data instanceof Block) sent.catch(() => this.drafter.giveBack(kept))
    return sent
  }

  /** Where the publisher never waits: accepted in any case, whatever it takes the place of. */
  private overwrite(type: string, bytes: number): void {
    const { draft, lanes } = this
    const { onFull } = this.drafter
    if (typeof onFull === 'object' && !this.isSampled(onFull.sample)) {
      lanes.blocks.drop(draft)
      lanes.countSampledOut(draft.pools.length)
      if (this.notices.wantsDrops)
        this.notices.dropped(this.pools.laneOf(draft.pools[0]!, draft), onFull, type, 1)
      return
    }
    const lost = this.pools.overwrite(draft, bytes, onFull === 'coalesce')
    if (lost < draft.pools.length) lanes.flush()
    else lanes.blocks.drop(draft)
    if (lost > 0) this.countDrops(type, lost)
  }

  /** Of the policy drop-newest; `type` is the last one's. */
  private countDrops(type: string, events: number): void {
    this.lanes.countDrops(events)
    if (this.notices.wantsDrops)
      this.notices.dropped(this.pools.laneOf(this.draft.pools[0]!, this.draft), 'drop-newest', type, events)
  }

  private isSampled(every: number): boolean {
    const offered = this.samples.get(every) ?? 0
    this.samples.set(every, offered + 1)
    return isSampled(offered, every)
  }

  /** Places the draft, unless sends wait for its lane: an event must not overtake those. */
  private place(bytes: number): boolean {
    const queues = this.queuesOf(this.draft.priority)
    if (queues.isWaiting && queues.hasBefore(this.draft)) return false
    return queues.pools.place(this.draft, bytes)
  }

  /** Of a draft for several pools, places it in those that have room; answers how many have none. */
  private placeWhereRoom(bytes: number): number {
    const { draft } = this
    if (draft.pools.length === 1) return 1
    const queues = this.queuesOf(draft.priority)
    return queues.pools.placeWhereRoom(
      draft,
      bytes,
      (pool) => queues.isWaiting && queues.hasBefore(draft, [pool]),
    )
  }

  /** Of the draft. */
  private get pools(): PoolWriters {
    return this.queuesOf(this.draft.priority).pools
  }

  private get lanes(): LaneWriters {
    return this.pools.lanes
  }

  private queuesOf(priority: number): SendQueues {
    return this.queues[priority] ?? this.open(priority)
  }

  private open(priority: number): SendQueues {
    const { map, topics, waits, blocks, runs } = this.parts
    const publisher = publisherOf(map, this.slot.thread, this.slot.depth, priority)
    const lanes = new LaneWriters(map, publisher, topics, blocks, this.notices, runs)
    const pools = new PoolWriters(map, this.slot.thread, lanes)
    const queues = new SendQueues(pools, waits, () => this.isClosed)
    this.queues[priority] = queues
    return queues
  }

  private checkOpen(): void {
    if (this.isClosed) throw closedError()
    if (this.parts.runs.isHeld)
      throw new InvalidEventError('A getter in a batch of events can not publish itself')
  }

  private get isClosed(): boolean {
    // Without an atomic load, for each event: another thread's end of the engine is seen a moment later. `Runs` looks again, where that matters.
    return this.closed || this.control[STATE]! >= this.options.closedFrom
  }
}

/** The key of these options, if they are nothing else: looked at without asking for any other, which may be a getter. */
function keyAlone(options: PublishOptions): string | undefined {
  if (typeof options !== 'object' || options === null) return undefined
  for (const name in options) if (name !== 'key') return undefined
  const { key } = options
  // After the load, when the compiler knows the object's shape, and with it the prototype.
  return Object.getPrototypeOf(options) === Object.prototype ? key : undefined
}
