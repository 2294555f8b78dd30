import { wordsOf } from '../../native-free-ring/src/index.ts'
import type { RegistryChange } from '../dispatch/registry.ts'
import { ClosedError } from '../errors.ts'
import { readRef } from '../event/block-ref.ts'
import { noStore } from '../event/policy.ts'
import { isInBlock } from '../event/record-copy.ts'
import { QUEUED } from '../lane/blocks.ts'
import { allocateMailbox, closeMailbox, type MailboxPlace, wakeMailboxWriters } from '../lane/mailbox.ts'
import { MailboxGauge } from '../lane/mailbox-gauge.ts'
import { MailboxReader } from '../lane/mailbox-reader.ts'
import { CLOSING, REGISTRY_VERSION, STATE } from '../lane/map.ts'
import type { Storekeeper } from '../store/storekeeper.ts'
import { mailboxOptions } from '../subscribe/mailbox-options.ts'
import {
  type SubscribeOptions,
  Subscription,
  type SubscriptionParts,
  type SubscriptionStats,
  subscriptionStats,
} from '../subscribe/subscription.ts'
import type { NoticeInterest } from './notice-interest.ts'

const OWN_CAPACITY = 1_000

/** The engine's own thread. */
const OWN_THREAD = 0

/** What all subscriptions of an engine have received, those that have ended included. */
export type DeliveryStats = Omit<SubscriptionStats, 'id' | 'pattern' | 'patterns'>

/** The parts of the engine that its subscriptions work with. */
export type SubscriptionsParts = Omit<SubscriptionParts, 'overflow' | 'onUnsubscribe'> & {
  interest: NoticeInterest
  /** Undefined without a store: then nothing spills. */
  storekeeper: Storekeeper | undefined
  /** Tells the dispatchers of a change; the registry's version rises afterwards. */
  announce(change: RegistryChange): void
}

/** One that is open, or about to end, whichever thread receives. */
type Open = {
  readonly place: MailboxPlace
  stats(): SubscriptionStats
  /** Ends it. */
  end(): void
}

/** After it was closed, an engine waits so long for other threads to end their subscriptions. */
const END_MS = 1_000

/** The subscriptions of an engine, and how the dispatchers learn of them (decision 5). */
export class Subscriptions {
  private readonly parts: SubscriptionsParts
  private readonly control: Int32Array
  private readonly open = new Map<number, Open>()
  /** Closed, while their receivers, which are other threads, have yet to end them. */
  private readonly ending = new Map<number, Open>()
  private readonly own: MailboxPlace[] = []
  private readonly ended = noDelivery()
  private nextId = 1
  private onEnded: (() => void) | undefined

  constructor(parts: SubscriptionsParts) {
    this.parts = parts
    this.control = wordsOf(parts.map.control)
  }

  /** Of all that are open, the engine's own included. */
  get places(): MailboxPlace[] {
    return [...this.own, ...[...this.open.values()].map(({ place }) => place)]
  }

  /** The same, and those whose receivers have yet to end them: whose leases a worker may have taken with it. */
  get all(): MailboxPlace[] {
    return [...this.places, ...[...this.ending.values()].map(({ place }) => place)]
  }

  /** A mailbox for the engine itself, which holds lanes back while it is full. */
  openOwn(patterns: readonly string[]): MailboxPlace {
    const size = {
      dataBytes: this.parts.map.shape.ringBytes,
      capacity: OWN_CAPACITY,
      onFull: 'block' as const,
    }
    const buffer = allocateMailbox(size)
    const place: MailboxPlace = {
      id: this.nextId++,
      patterns,
      buffer,
      ...size,
      receiver: OWN_THREAD,
      isOwn: true,
    }
    this.own.push(place)
    this.change({ add: place })
    return place
  }

  stats(): SubscriptionStats[] {
    return [...this.open.values()].map((one) => one.stats())
  }

  subscribe(pattern: string | readonly string[], options: SubscribeOptions<any> = {}): Subscription<any> {
    if (this.isClosed) throw new ClosedError('The engine is closed: it takes no subscription')
    const { map, storekeeper } = this.parts
    const size = mailboxOptions(pattern, options, map.shape.ringBytes)
    if (size.onFull === 'spill' && storekeeper === undefined) throw noStore()
    const place: MailboxPlace = {
      id: this.nextId++,
      ...size,
      buffer: allocateMailbox(size),
      receiver: OWN_THREAD,
    }
    const onUnsubscribe = () => {
      this.remove(place.id)
      this.forget(place.id)
      if (subscription.spilled) storekeeper?.remove(subscription.spilled, (record) => this.discard(record))
    }
    const parts = { ...this.parts, overflow: storekeeper?.overflow, onUnsubscribe }
    const subscription = new Subscription(parts, place, options.filter)
    if (subscription.spilled) storekeeper?.add(subscription.spilled)
    this.add({ place, stats: () => subscription.stats(), end: () => subscription.unsubscribe() })
    return subscription
  }

  /**
   * Adds the mailbox of another thread, which receives; answers its id, or undefined if the engine is closed. `onEnd`: the thread
   * is to end it, and to say so (`disown`).
   */
  adopt(unnamed: Omit<MailboxPlace, 'id'>, onEnd: (id: number) => void): number | undefined {
    if (this.isClosed) return undefined
    const place: MailboxPlace = { ...unnamed, id: this.nextId++ }
    const gauge = new MailboxGauge(place)
    const end = () => {
      closeMailbox(place)
      wakeMailboxWriters(this.parts.map)
      this.remove(place.id)
      onEnd(place.id)
    }
    this.add({ place, stats: () => subscriptionStats(place, gauge), end })
    return place.id
  }

  /** Its receiver has ended it, or has died. */
  disown(id: number, isDead: boolean): void {
    const one = this.open.get(id) ?? this.ending.get(id)
    if (one === undefined) return
    closeMailbox(one.place)
    this.remove(id)
    if (isDead) new MailboxReader(one.place, this.parts.blocks).empty()
    this.forget(id)
  }

  /** Ends the subscriptions that have exactly this pattern, and no other; answers how many. */
  unsubscribe(pattern: string): number {
    const ended = [...this.open.values()].filter(
      ({ place: { patterns } }) => patterns.length === 1 && patterns[0] === pattern,
    )
    for (const one of ended) one.end()
    return ended.length
  }

  delivery(): DeliveryStats {
    const sum = noDelivery()
    addDelivery(sum, this.ended)
    for (const stats of this.stats()) addDelivery(sum, stats)
    for (const one of this.ending.values()) addDelivery(sum, unread(one.stats()))
    return sum
  }

  /** Ends all of them; resolves when those of other threads have ended too, which may be blocked. */
  async close(): Promise<void> {
    for (const one of [...this.open.values()]) one.end()
    if (this.ending.size === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.onEnded = resolve
      timer = setTimeout(resolve, END_MS)
    })
    clearTimeout(timer)
  }

  private get isClosed(): boolean {
    return Atomics.load(this.control, STATE) >= CLOSING
  }

  private add(one: Open): void {
    this.parts.interest.add(one.place.patterns)
    this.open.set(one.place.id, one)
    this.change({ add: one.place })
  }

  /** Nothing more is written there. */
  private remove(id: number): void {
    const one = this.open.get(id)
    if (one === undefined) return
    this.open.delete(id)
    this.ending.set(id, one)
    this.parts.interest.remove(one.place.patterns)
    this.change({ remove: id })
  }

  /** Nothing more is read there. */
  private forget(id: number): void {
    const one = this.ending.get(id)
    if (one === undefined) return
    addDelivery(this.ended, unread(one.stats()))
    this.ending.delete(id)
    if (this.ending.size === 0) this.onEnded?.()
  }

  /** Frees the block of a record that nobody receives. */
  private discard(record: Uint8Array): void {
    if (isInBlock(record)) this.parts.blocks.free(readRef(record, record.length), QUEUED)
  }

  private change(change: RegistryChange): void {
    this.parts.announce(change)
    // After the message: a dispatcher that sees the version finds the message.
    Atomics.add(this.control, REGISTRY_VERSION, 1)
  }
}

function noDelivery(): DeliveryStats {
  return { matched: 0, received: 0, filtered: 0, dropped: 0, deadLettered: 0, discarded: 0, queued: 0 }
}

/** What nobody reads any more is discarded. */
function unread(stats: SubscriptionStats): DeliveryStats {
  return { ...stats, discarded: stats.discarded + stats.queued, queued: 0 }
}

function addDelivery(sum: DeliveryStats, stats: DeliveryStats): void {
  for (const name of Object.keys(sum) as (keyof DeliveryStats)[]) sum[name] += stats[name]
}
