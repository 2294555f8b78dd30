import { wordsOf } from '../../native-free-ring/src/index.ts'
import type { RegistryChange } from '../dispatch/registry.ts'
import { ClosedError, OptionsError } from '../errors.ts'
import { readRef } from '../event/block-ref.ts'
import { checkPolicy, noStore } from '../event/policy.ts'
import { isInBlock } from '../event/record-copy.ts'
import { QUEUED } from '../lane/blocks.ts'
import { allocateMailbox, type MailboxPlace } from '../lane/mailbox.ts'
import { REGISTRY_VERSION } from '../lane/map.ts'
import type { Storekeeper } from '../store/storekeeper.ts'
import { type SubscribeOptions, Subscription, type SubscriptionParts } from '../subscribe/subscription.ts'
import { parsePattern } from '../topic/pattern.ts'
import type { NoticeInterest } from './notice-interest.ts'

const NAMES = ['capacity', 'onFull', 'filter']
const DEFAULT_CAPACITY = 10_000
const MAX_CAPACITY = 2 ** 24
const OWN_CAPACITY = 1_000

/** The thread that receives: subscriptions belong to the engine's own. */
const RECEIVER = 0

/** Room for `capacity` events of some size; the system commits a page of it when it is touched. */
const BYTES_PER_EVENT = 256
const MAX_MAILBOX_BYTES = 2 ** 26

/** At least as much as a lane's ring: the largest event must fit. */
function mailboxBytes(capacity: number, ringBytes: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(capacity * BYTES_PER_EVENT))
  return Math.max(ringBytes, Math.min(wanted, MAX_MAILBOX_BYTES))
}

/** What all subscriptions of an engine have received, those that have ended included. */
export type DeliveryStats = {
  matched: number
  received: number
  filtered: number
  dropped: number
  deadLettered: number
  /** Unread when their subscription ended. */
  discarded: number
  queued: number
}

/** The parts of the engine that its subscriptions work with. */
export type SubscriptionsParts = Omit<SubscriptionParts, 'overflow' | 'onUnsubscribe'> & {
  interest: NoticeInterest
  /** Undefined without a store: then nothing spills. */
  storekeeper: Storekeeper | undefined
  /** Tells the dispatchers of a change; the registry's version rises afterwards. */
  announce(change: RegistryChange): void
}

/** The subscriptions of an engine, and how the dispatchers learn of them (decision 5). */
export class Subscriptions {
  private readonly parts: SubscriptionsParts
  private readonly control: Int32Array
  private readonly open = new Map<number, { place: MailboxPlace; subscription: Subscription<any> }>()
  private readonly own: MailboxPlace[] = []
  private readonly ended = noDelivery()
  private nextId = 1
  private closed = false

  constructor(parts: SubscriptionsParts) {
    this.parts = parts
    this.control = wordsOf(parts.map.control)
  }

  /** Of all that are open, the engine's own included. */
  get places(): MailboxPlace[] {
    return [...this.own, ...[...this.open.values()].map(({ place }) => place)]
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
      receiver: RECEIVER,
      isOwn: true,
    }
    this.own.push(place)
    this.change({ add: place })
    return place
  }

  all(): Subscription<any>[] {
    return [...this.open.values()].map(({ subscription }) => subscription)
  }

  subscribe(pattern: string | readonly string[], options: SubscribeOptions<any> = {}): Subscription<any> {
    if (this.closed) throw new ClosedError('The engine is closed: it takes no subscription')
    const patterns = typeof pattern === 'string' ? [pattern] : Array.isArray(pattern) ? [...pattern] : []
    if (patterns.length === 0) throw new OptionsError('subscribe takes a pattern, or a list of at least one')
    if (typeof options !== 'object' || options === null) throw new OptionsError('Options are an object')
    for (const name of Object.keys(options)) {
      if (!NAMES.includes(name))
        throw new OptionsError(`Unknown option ${name}: known are ${NAMES.join(', ')}`)
    }
    for (const text of patterns) parsePattern(text)
    const { map, interest, storekeeper } = this.parts
    const { capacity = DEFAULT_CAPACITY, onFull = 'drop-oldest', filter } = options
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_CAPACITY) {
      throw new OptionsError(`capacity is an integer from 1 to ${MAX_CAPACITY}, not ${String(capacity)}`)
    }
    checkPolicy(onFull)
    if (onFull === 'spill' && storekeeper === undefined) throw noStore()
    if (filter !== undefined && typeof filter !== 'function') throw new OptionsError('filter is a function')
    const dataBytes = mailboxBytes(capacity, map.shape.ringBytes)
    const size = { dataBytes, capacity, onFull }
    const place: MailboxPlace = {
      id: this.nextId++,
      patterns,
      buffer: allocateMailbox(size),
      ...size,
      receiver: RECEIVER,
    }
    const onUnsubscribe = () => {
      const { queued, ...ended } = subscription.stats()
      addDelivery(this.ended, { ...ended, discarded: queued, queued: 0 })
      this.open.delete(place.id)
      interest.remove(place.patterns)
      this.change({ remove: place.id })
      if (subscription.spilled) storekeeper?.remove(subscription.spilled, (record) => this.discard(record))
    }
    const parts = { ...this.parts, overflow: storekeeper?.overflow, onUnsubscribe }
    const subscription = new Subscription(parts, place, filter)
    if (subscription.spilled) storekeeper?.add(subscription.spilled)
    interest.add(place.patterns)
    this.open.set(place.id, { place, subscription })
    this.change({ add: place })
    return subscription
  }

  /** Ends the subscriptions that have exactly this pattern, and no other; answers how many. */
  unsubscribe(pattern: string): number {
    const ended = this.all().filter(({ patterns }) => patterns.length === 1 && patterns[0] === pattern)
    for (const subscription of ended) subscription.unsubscribe()
    return ended.length
  }

  delivery(): DeliveryStats {
    const sum = noDelivery()
    addDelivery(sum, this.ended)
    for (const subscription of this.all()) addDelivery(sum, { ...subscription.stats(), discarded: 0 })
    return sum
  }

  close(): void {
    this.closed = true
    for (const subscription of this.all()) subscription.unsubscribe()
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

function addDelivery(sum: DeliveryStats, stats: DeliveryStats): void {
  for (const name of Object.keys(sum) as (keyof DeliveryStats)[]) sum[name] += stats[name]
}
