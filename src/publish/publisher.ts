import { type Ticket, wordsOf } from '../../native-free-ring/src/index.ts'
import { closedError, FullError, InvalidEventError, isA, MillraceError, TimeoutError } from '../errors.ts'
import { Block } from '../event/block.ts'
import { overwrites, type Policy } from '../event/policy.ts'
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
import type { ThreadBlocks } from '../lane/blocks.ts'
import { checkWait, checkWaiting, type WaitOptions } from '../lane/deadline.ts'
import { type SharedMap, STATE } from '../lane/map.ts'
import type { NoticeTopic } from '../lane/notices.ts'
import { isSampled } from '../lane/sample.ts'
import type { Waits } from '../lane/waits.ts'
import type { TopicTable } from '../topic/topic-table.ts'
import { Clock } from './clock.ts'
import { keepDraft } from './draft.ts'
import { Drafter } from './drafter.ts'
import { afterAccepting, checkInput, inputOf } from './input.ts'
import { LaneWriters, NO_ROOM } from './lane-writers.ts'
import { PublisherNotices } from './publisher-notices.ts'
import { checkMany, requestMany } from './request-many.ts'
import type { Requests } from './requests.ts'
import { SendQueues } from './send-queues.ts'

/** A `send` without `timeoutMs` waits so long: every wait is bounded. */
export const SEND_TIMEOUT_MS = 30_000

/** What all publishers of one thread share. */
export type PublisherParts = {
  readonly map: SharedMap
  readonly topics: TopicTable
  readonly waits: Waits
  readonly blocks: ThreadBlocks
  readonly requests: Requests
}

export type PublisherOptions = {
  onFull: Policy
  /** The engine's state from which this thread may no longer publish. */
  closedFrom: number
}

/**
 * Publishing as one publisher: limits, encoding, policy, then claim, write and commit in the lane of the event's key.
 */
export class Publisher implements Publishing {
  private readonly control: Int32Array
  private readonly topics: TopicTable
  private readonly requests: Requests
  private readonly lanes: LaneWriters
  private readonly notices: PublisherNotices
  private readonly options: PublisherOptions
  private readonly drafter: Drafter
  private readonly draft: Draft
  private readonly clock = new Clock()
  /** How many events were offered to samples of one in so many. */
  private readonly samples = new Map<number, number>()
  /** Those that wait for room. */
  private readonly sends: SendQueues
  private closed = false
  /** Events of a batch are claimed and not committed: what a getter in one of them published would commit them. */
  private batching = false

  /** `publisher`: its number in the map. */
  constructor(parts: PublisherParts, publisher: number, options: PublisherOptions) {
    const { map, topics, waits, blocks, requests } = parts
    this.control = wordsOf(map.control)
    this.topics = topics
    this.requests = requests
    this.options = options
    this.notices = new PublisherNotices(this.control, (topic, notice) => this.notify(topic, notice))
    this.lanes = new LaneWriters(map, publisher, topics, blocks, this.notices)
    this.sends = new SendQueues(this.lanes, waits, () => this.isClosed)
    this.drafter = new Drafter(map, publisher, topics, this.lanes.blocks, options.onFull)
    this.draft = this.drafter.draft
  }

  publish(type: string | EventInput, data?: unknown, options?: PublishOptions): boolean {
    this.checkOpen()
    // A worker takes longer to wake than an event to be written: if it is parked, it may as well begin.
    if (this.clock.isStale) this.lanes.rouse()
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
    this.batching = true
    try {
      return this.publishAll(events)
    } finally {
      this.batching = false
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
    const commit = (): void => {
      this.lanes.commit()
      if (dropped > 0) this.countDrops(droppedType, dropped)
      dropped = 0
      committed = accepted
    }
    try {
      for (; accepted < events.length; accepted++) {
        const input = checkInput(events[accepted])
        const bytes = this.drafter.prepare(input.type, input.data, input)
        if (overwrites(this.drafter.onFull)) {
          // What it overwrites is gone at once: it, and so all before it, are accepted here.
          if (accepted > committed) commit()
          this.overwrite(input.type, bytes)
          committed = accepted + 1
          continue
        }
        if (this.place(bytes) !== NO_ROOM) continue
        if (this.drafter.onFull !== 'drop-newest') {
          this.drafter.giveBack()
          break
        }
        this.lanes.blocks.dropLater(this.draft)
        dropped++
        droppedType = input.type
      }
      if (accepted > committed) commit()
    } catch (error) {
      this.lanes.abort()
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
    return this.lanes.blocks.allocate(bytes)
  }

  topic(topic: string): TopicHandle {
    this.topics.idOf(topic)
    return {
      topic,
      publish: (data?: unknown, options?: PublishOptions) => this.publish(topic, data, options),
      send: (data?: unknown, options?: SendOptions) => this.send(topic, data, options),
    }
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
  }

  /** Whether sends are waiting for room. */
  get sending(): boolean {
    return this.sends.isWaiting
  }

  /** Refuses what comes, and ends the sends that wait with a ClosedError. */
  close(): void {
    this.closed = true
    this.notices.close()
    this.sends.fail(closedError())
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
    if (this.place(bytes) !== NO_ROOM) {
      this.lanes.commit()
      return true
    }
    if (this.drafter.onFull === 'drop-newest') {
      this.lanes.blocks.drop(this.draft)
      this.countDrops(type, 1)
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
    const sent = this.sends.wait(kept, { timeoutMs, ...(signal && { signal }) })
    if (kept.data instanceof Block) sent.catch(() => this.lanes.blocks.giveBack(kept))
    return sent
  }

  /** Where the publisher never waits: accepted in any case, whatever it takes the place of. */
  private overwrite(type: string, bytes: number): void {
    const { draft, lanes } = this
    const { onFull } = this.drafter
    if (typeof onFull === 'object' && !this.isSampled(onFull.sample)) {
      lanes.blocks.drop(draft)
      lanes.countSampledOut()
      if (this.notices.wantsDrops) this.notices.dropped(lanes.laneOf(draft), onFull, type, 1)
      return
    }
    if (lanes.overwrite(draft, bytes, onFull === 'coalesce')) {
      lanes.commit()
      return
    }
    lanes.blocks.drop(draft)
    this.countDrops(type, 1)
  }

  /** Of the policy drop-newest; `type` is the last one's. */
  private countDrops(type: string, events: number): void {
    this.lanes.countDrops(events)
    if (this.notices.wantsDrops)
      this.notices.dropped(this.lanes.laneOf(this.draft), 'drop-newest', type, events)
  }

  private isSampled(every: number): boolean {
    const offered = this.samples.get(every) ?? 0
    this.samples.set(every, offered + 1)
    return isSampled(offered, every)
  }

  /** Places the draft, unless sends wait for its lane: an event must not overtake those. */
  private place(bytes: number): number {
    if (this.sends.isWaiting && this.sends.hasBefore(this.draft)) return NO_ROOM
    return this.lanes.place(this.draft, bytes)
  }

  private checkOpen(): void {
    if (this.isClosed) throw closedError()
    if (this.batching) throw new InvalidEventError('A getter in a batch of events can not publish itself')
  }

  private get isClosed(): boolean {
    return this.closed || Atomics.load(this.control, STATE) >= this.options.closedFrom
  }
}
