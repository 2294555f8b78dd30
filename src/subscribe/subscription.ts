import { setImmediate as turn } from 'node:timers/promises'
import { OptionsError } from '../errors.ts'
import { MillraceEvent } from '../event/event.ts'
import type { EventOrigins } from '../event/origins.ts'
import type { Policy } from '../event/policy.ts'
import type { ThreadBlocks } from '../lane/blocks.ts'
import { checkWait, Deadline, type WaitOptions } from '../lane/deadline.ts'
import {
  closeMailbox,
  hasEmptied,
  isMailboxClosed,
  type MailboxPlace,
  takeWanted,
  wakeMailboxWriters,
} from '../lane/mailbox.ts'
import { MailboxGauge } from '../lane/mailbox-gauge.ts'
import { MailboxReader } from '../lane/mailbox-reader.ts'
import type { SharedMap } from '../lane/map.ts'
import type { LevelNotice } from '../lane/notices.ts'
import type { Overflow } from '../lane/overflow.ts'
import { SpilledMail } from '../lane/spilled-mail.ts'
import type { Waits, Watch } from '../lane/waits.ts'
import { isThenable } from '../thenable.ts'

export type SubscribeOptions<Event = MillraceEvent> = {
  /** The most events that may lie unread; 10,000 if not given. */
  capacity?: number
  /** What happens when they are that many, or the mailbox's memory is full; `drop-oldest` if not given. */
  onFull?: Policy
  /** Events for which it answers false are passed over and counted. Runs in the thread that receives. */
  filter?: (event: Event) => boolean
}

export type ReceiveOptions = {
  /** How long to wait, in milliseconds; 0 only looks. Without it, until an event comes or the subscription ends. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** A mailbox's counts, from any thread. */
export function subscriptionStats(
  { id, patterns }: MailboxPlace,
  gauge: MailboxGauge,
  spilled?: { written: number; pending: number },
): SubscriptionStats {
  const { offered, received, filtered, dropped, refused, discarded, queued } = gauge.counts(spilled)
  const pattern = patterns.length === 1 ? patterns[0]! : `{${patterns.join(',')}}`
  return {
    id,
    pattern,
    patterns,
    matched: offered,
    received,
    filtered,
    dropped,
    deadLettered: refused,
    discarded,
    queued,
  }
}

export type SubscriptionStats = {
  id: number
  /** What it subscribed to; several patterns are joined as `{a,b}`. */
  pattern: string
  patterns: readonly string[]
  /** Events that matched: received, filtered, dropped, dead-lettered, discarded or still queued. */
  matched: number
  received: number
  filtered: number
  dropped: number
  /** Rejected, since the mailbox was full, or they were too long to be coalesced. */
  deadLettered: number
  /** Unread when it ended. */
  discarded: number
  queued: number
}

type Receiver<Event> = {
  readonly max: number
  readonly resolve: (events: Event[]) => void
  readonly reject: (reason: unknown) => void
  deadline: Deadline | undefined
}

/** The parts of the engine that a subscription works with. */
export type SubscriptionParts = {
  map: SharedMap
  origins: EventOrigins
  waits: Waits
  blocks: ThreadBlocks
  /** For what spills. */
  overflow: Overflow | undefined
  onUnsubscribe(): void
  /** It was told to be nearly full, and has emptied again. */
  onLowWater(notice: LevelNotice): void
}

/**
 * Events that match some patterns, received one by one, in batches, or by `for await`.
 *
 * For the thread that subscribed. Events are copies: they stay valid. Receivers that wait are served in their order.
 *
 * @example
 * using sub = engine.subscribe('alert.**')
 * const event = await sub.receive({ timeoutMs: 1_000 })
 */
export class Subscription<Event extends MillraceEvent = MillraceEvent> implements Watch {
  private readonly parts: SubscriptionParts
  private readonly place: MailboxPlace
  private readonly filter: ((event: Event) => boolean) | undefined
  private readonly reader: MailboxReader
  /** @internal What found no room, if it spills. */
  readonly spilled: SpilledMail | undefined
  private readonly receivers: Receiver<Event>[] = []
  /** Taken from the mailbox, and neither received nor filtered yet. */
  private held: Event | undefined
  private readonly gauge: MailboxGauge
  private readonly origins: EventOrigins
  private closed = false

  constructor(
    parts: SubscriptionParts,
    place: MailboxPlace,
    filter: ((event: Event) => boolean) | undefined,
  ) {
    this.parts = parts
    this.place = place
    this.filter = filter
    this.spilled = this.openSpilled()
    this.reader = new MailboxReader(place, parts.blocks, this.spilled)
    this.gauge = new MailboxGauge(place)
    this.origins = parts.origins
  }

  get id(): number {
    return this.place.id
  }

  get patterns(): readonly string[] {
    return this.place.patterns
  }

  /**
   * The next event; undefined if none came within `timeoutMs`, or the subscription has ended.
   *
   * @throws the signal's reason, if it aborts.
   */
  async receive(options: ReceiveOptions = {}): Promise<Event | undefined> {
    checkWait(options)
    return (await this.receiveUpTo(1, options))[0]
  }

  /**
   * Up to `max` events (100 if not given): those that are there, else the first that come. Empty if none came within
   * `timeoutMs`, or the subscription has ended.
   *
   * @throws the signal's reason, if it aborts.
   */
  async receiveBatch(options: ReceiveOptions & { max?: number } = {}): Promise<Event[]> {
    checkWait(options, ['max', 'timeoutMs', 'signal'])
    const { max = 100 } = options
    if (!Number.isInteger(max) || max < 1)
      throw new OptionsError(`max is a positive integer, not ${String(max)}`)
    return this.receiveUpTo(max, options)
  }

  /** The engine ends subscriptions of other threads by closing their mailboxes. */
  private hasEnded(): boolean {
    if (!this.closed && isMailboxClosed(this.place)) this.unsubscribe()
    return this.closed
  }

  private async receiveUpTo(max: number, { timeoutMs, signal }: ReceiveOptions): Promise<Event[]> {
    signal?.throwIfAborted()
    // A loop that receives until it is told otherwise must not keep the event loop from telling it.
    if (this.hasEnded()) await turn()
    if (this.receivers.length === 0) {
      const events = this.take(max)
      if (events.length > 0 || this.closed) return events
      if (timeoutMs === 0) return this.look(max)
    } else if (timeoutMs === 0) {
      return []
    }
    return this.wait(max, { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal && { signal }) })
  }

  /** What is in the store is there, too. */
  private async look(max: number): Promise<Event[]> {
    await this.spilled?.reach()
    return this.receivers.length === 0 ? this.take(max) : []
  }

  /** Events until the subscription ends. Leaving the loop unsubscribes. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    try {
      for (;;) {
        // One by one: what the loop has not seen when it is left was not received.
        const event = this.receivers.length === 0 ? this.take(1)[0] : undefined
        const next = event ?? (await this.receive())
        if (next === undefined) return
        yield next
      }
    } finally {
      this.unsubscribe()
    }
  }

  stats(): SubscriptionStats {
    return subscriptionStats(this.place, this.gauge, this.spilled?.counts())
  }

  /** Ends the subscription. What lies unread is gone; receivers that wait get nothing. Ending twice is fine. */
  unsubscribe(): void {
    if (this.closed) return
    this.closed = true
    closeMailbox(this.place)
    wakeMailboxWriters(this.parts.map)
    this.parts.waits.remove(this)
    for (const receiver of this.receivers.splice(0)) {
      receiver.deadline?.clear()
      receiver.resolve([])
    }
    this.reader.empty()
    this.parts.onUnsubscribe()
  }

  [Symbol.dispose](): void {
    this.unsubscribe()
  }

  /** @internal There is mail for a receiver that waits, or there will be none any more. */
  ready(): boolean {
    return this.held !== undefined || this.reader.hasEvents || isMailboxClosed(this.place)
  }

  /** @internal Serves the receivers; true when none waits any more. */
  advance(): boolean {
    this.hasEnded()
    for (let first = this.receivers[0]; first !== undefined; first = this.receivers[0]) {
      const events = this.takeFor(first)
      if (events === undefined) continue
      if (events.length === 0) return false
      this.receivers.shift()
      first.deadline?.clear()
      first.resolve(events)
    }
    return true
  }

  /** Events for a receiver; undefined if the filter threw, which is that receiver's to know. */
  private takeFor(receiver: Receiver<Event>): Event[] | undefined {
    try {
      return this.take(receiver.max)
    } catch (error) {
      this.withdraw(receiver)
      receiver.reject(error)
      return undefined
    }
  }

  private wait(max: number, options: WaitOptions): Promise<Event[]> {
    return new Promise((resolve, reject) => {
      const receiver: Receiver<Event> = { max, resolve, reject, deadline: undefined }
      receiver.deadline = new Deadline(options, 'An event', (reason) => {
        this.withdraw(receiver)
        if (options.signal?.aborted) reject(reason)
        else resolve([])
      })
      this.receivers.push(receiver)
      this.parts.waits.add(this)
    })
  }

  private withdraw(receiver: Receiver<Event>): void {
    receiver.deadline?.clear()
    const index = this.receivers.indexOf(receiver)
    if (index >= 0) this.receivers.splice(index, 1)
    if (this.receivers.length === 0) this.parts.waits.remove(this)
  }

  /** Copies up to `max` events out of the mailbox and makes their room free. */
  private take(max: number): Event[] {
    const events: Event[] = []
    try {
      while (events.length < max && !this.hasEnded()) {
        // While the filter looks at it, it is still to be received.
        this.held ??= this.takeOne()
        if (this.held === undefined) break
        const passes = this.passes(this.held, events.length > 0)
        // The filter may have ended the subscription, or thrown.
        if (this.closed || passes === undefined) break
        if (passes) events.push(this.held)
        this.letGo(passes)
      }
    } finally {
      this.wakeWaiting()
      this.tellLevel()
    }
    return events
  }

  private tellLevel(): void {
    if (!hasEmptied(this.place, this.reader)) return
    const { id, patterns, capacity } = this.place
    this.parts.onLowWater({
      where: 'mailbox',
      subscription: id,
      patterns,
      used: this.reader.queued,
      capacity,
    })
  }

  private takeOne(): Event | undefined {
    const record = this.reader.take()
    if (record === undefined) return undefined
    return MillraceEvent.fromCopy(record, 1, this.origins) as Event
  }

  /** What the filter says. If it throws, nothing else is lost: with others taken already, the event stays held. */
  private passes(event: Event, others: boolean): boolean | undefined {
    if (this.filter === undefined) return true
    try {
      const isWanted: unknown = this.filter(event)
      if (!isThenable(isWanted)) return Boolean(isWanted)
      Promise.resolve(isWanted).catch(() => {})
      throw new TypeError('The filter of a subscription answered a promise: it has to say at once')
    } catch (error) {
      if (others) return undefined
      this.letGo(false)
      throw error
    }
  }

  /** What was held is received, or filtered. */
  private letGo(isReceived: boolean): void {
    this.held = undefined
    this.reader.count(isReceived)
  }

  private openSpilled(): SpilledMail | undefined {
    const { parts, place } = this
    if (place.onFull !== 'spill' || parts.overflow === undefined) return undefined
    const name = `${parts.map.engineId}/mailbox/${place.id}`
    return new SpilledMail(place, parts.overflow, name, () => this.wakeWaiting())
  }

  /** After something was released. */
  private wakeWaiting(): void {
    if (takeWanted(this.place)) wakeMailboxWriters(this.parts.map)
  }
}
