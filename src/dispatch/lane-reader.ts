import { wake, wordsOf } from '../../native-free-ring/src/index.ts'
import { BY_URGENCY, NORMAL, PRIORITIES } from '../event/priority.ts'
import { ASKS, flagsOf, keyHashOf, ORDERED, publisherOf, slotOf, stampOf } from '../event/record.ts'
import { wakeInboxWriters } from '../lane/inbox.ts'
import { LaneLease } from '../lane/lane-lease.ts'
import {
  isKeyed,
  laneCount,
  MAX_DEPTH,
  parkedWord,
  poolOf,
  type SharedMap,
  STATE,
  STOPPED,
} from '../lane/map.ts'
import { inboxPlace, relayPlace, ringPlace, spillwayPlace } from '../lane/places.ts'
import { homeOf } from '../lane/roster.ts'
import { CompletedIds } from './completed-ids.ts'
import type { WaitingPublisher } from './context.ts'
import type { Executor } from './executor.ts'
import type { FlightRecorder } from './flight.ts'
import type { ModuleHooks } from './hooks.ts'
import { LaneRest } from './lane-rest.ts'
import { RelayDrain } from './relay-drain.ts'
import { type InFlight, RingDrain, type RingHost, type WorkLimit } from './ring-drain.ts'
import { type Tenants, Tenure } from './tenure.ts'

/** What a lane needs of its dispatcher. */
export interface LaneHost {
  /** The thread's slot. */
  readonly thread: number
  readonly flight: FlightRecorder
  /** Learns of subscriptions that are older than what is about to be read. */
  synchronise(): void
  /** As whom the handlers of events publish that have come through `depth` handlers themselves. */
  publisherAfter(depth: number): WaitingPublisher
  /** An event's handlers have begun, and not settled at once. */
  onStarted(record: InFlight): void
  /** They have settled: what was blocked may go on. */
  onEnded(record: InFlight): void
  /** Of its pool's lanes; undefined if there is none. */
  readonly limit: WorkLimit | undefined
  /** Whether a lane has something that is to be handled before what has this priority. */
  isUrgent(priority: number): boolean
  /** Whether events of this ring may start: not while a suspect is handled, or waits to be, unless it is this ring's. */
  mayStart(ring: RingDrain): boolean
  /** Whether this ring's suspect may start: nothing else is being handled. If not, nothing else starts until it may. */
  mayStartSuspect(ring: RingDrain): boolean
  /** Who is told which lanes this thread has gained and lost. */
  readonly tenants: Tenants
  /** Hooks are under way; the promise never rejects. */
  onHooks(settled: Promise<void>): void
  /** A lane that has rested goes on. */
  onGoingOn(): void
}

/**
 * One lane as one worker reads it: takes its lease, drains its rings, knows which keys are being handled.
 */
export class LaneReader implements RingHost {
  readonly index: number
  readonly keyedLane: number | undefined
  private readonly map: SharedMap
  private readonly control: Int32Array
  private readonly lease: LaneLease
  private readonly host: LaneHost
  private readonly executor: Executor
  private readonly window: number
  /** Undefined if it is no lane for keys. */
  private readonly ownTenure: Tenure | undefined
  /** What is done once nothing of it is in flight: until then nothing begins, save for what that waits for. */
  private readonly onQuiet: (() => void)[] = []
  /** Its home keeps the lease. */
  readonly sticky: boolean
  /** Whether this thread may take it: not if others have it (decision 23). */
  private belongs = true
  /** Undefined if ids are not remembered: events with one have a keyed lane. */
  readonly completed: CompletedIds | undefined
  private readonly rings: RingDrain[] = []
  private readonly byPriority: readonly RingDrain[][] = Array.from({ length: PRIORITIES }, () => [])
  private readonly keyConcurrency: number
  limit: WorkLimit | undefined
  private readonly relays: RelayDrain[] = []
  private readonly busy: InFlight[] = []
  private isDraining = false
  private readonly rest: LaneRest
  /** Of each priority: its ring that is drained first moves on by one each time. */
  private readonly turns: number[] = new Array(PRIORITIES).fill(0)

  constructor(
    map: SharedMap,
    index: number,
    holder: number,
    host: LaneHost,
    executor: Executor,
    window: number,
    sticky: boolean,
  ) {
    this.keyConcurrency = poolOf(map.shape, host.thread).keyConcurrency
    this.map = map
    this.index = index
    this.control = wordsOf(map.control)
    this.lease = new LaneLease(map, index, holder)
    this.host = host
    this.executor = executor
    this.window = window
    this.limit = host.limit
    this.sticky = sticky
    const keyed = index < laneCount(map.shape) && isKeyed(map.shape, index)
    this.keyedLane = keyed ? index : undefined
    this.completed = keyed && map.shape.rememberedIds > 0 ? new CompletedIds(map, index) : undefined
    this.rest = new LaneRest(() => {
      this.unblock()
      host.onGoingOn()
    })
    this.ownTenure = keyed ? new Tenure(index, host.tenants, (settled) => this.onHooks(settled)) : undefined
  }

  /** Undefined if nobody is told. */
  private get tenure(): Tenure | undefined {
    return this.host.tenants.isAsked ? this.ownTenure : undefined
  }

  get isStopped(): boolean {
    return Atomics.load(this.control, STATE) === STOPPED
  }

  get looksStopped(): boolean {
    return this.control[STATE] === STOPPED
  }

  get flight(): FlightRecorder {
    return this.host.flight
  }

  /** Opens the ring of a publisher that has begun to use it. */
  openRing(publisher: number): void {
    const { thread, depth, priority } = this.map.publishers[publisher]!
    const place = ringPlace(this.map, publisher, this.index)
    const onRoom = () => {
      wake(this.control, parkedWord(thread))
      // What goes out may wait for this ring to be empty.
      if (this.map.shape.spills) wake(this.control, parkedWord(0))
    }
    const next = this.host.publisherAfter(depth)
    this.add(new RingDrain(place, depth, this, this.executor, next, this.window, onRoom), priority)
  }

  /** Opens this thread's inbox: the only ring of its lane. What its handlers publish is as deep as can be (decision 20). */
  openInbox(): void {
    const { map, host } = this
    // What all workers must know waits for nothing else.
    this.limit = undefined
    const place = inboxPlace(map, host.thread)
    const onRoom = () => wakeInboxWriters(map)
    const next = host.publisherAfter(MAX_DEPTH)
    this.add(new RingDrain(place, MAX_DEPTH, this, this.executor, next, this.window, onRoom), NORMAL)
  }

  /** Opens the way back of what a publisher has spilled. */
  openSpillway(publisher: number): void {
    const { depth, priority } = this.map.publishers[publisher]!
    const { back } = spillwayPlace(this.map, publisher, this.index)
    const onRoom = () => void wake(this.control, parkedWord(0))
    const next = this.host.publisherAfter(depth)
    this.add(new RingDrain(back, depth, this, this.executor, next, this.window, onRoom), priority)
  }

  /** Opens the relay of a publisher that has begun to use it. */
  openRelay(publisher: number): void {
    const { depth, priority } = this.map.publishers[publisher]!
    const place = relayPlace(this.map, publisher, this.index)
    const relay = new RelayDrain(
      place,
      depth,
      this,
      this.executor,
      this.host.publisherAfter(depth),
      this.window,
    )
    this.relays.push(relay)
    this.add(relay, priority)
  }

  private add(ring: RingDrain, priority: number): void {
    this.rings.push(ring)
    this.byPriority[priority]!.push(ring)
  }

  /** Looks through the relays, after somebody has died. */
  sweep(): void {
    for (const relay of this.relays) relay.sweep()
  }

  /** Whether a `drain` of what has this priority would get anywhere now. */
  hasNews(priority: number): boolean {
    const rings = this.byPriority[priority]!
    if (this.lease.isHeld) {
      if (this.tenure?.isPending) return false
      for (let i = 0; i < rings.length; i++)
        if (rings[i]!.isReadable && this.passesRest(rings[i]!)) return true
      return false
    }
    if (!this.belongs) return false
    for (let i = 0; i < rings.length; i++) {
      // What is blocked waits for the end of something that this thread handles elsewhere, and is unblocked by that.
      if (rings[i]!.hasRecords && !rings[i]!.blocked) return this.lease.isFree
    }
    return false
  }

  /** Whether anything lies unread, or is not released. */
  get hasRecords(): boolean {
    return this.rings.some((ring) => ring.hasRecords)
  }

  private get hasAny(): boolean {
    return BY_URGENCY.some((priority) => this.hasNews(priority))
  }

  /** Takes the lease if it is free, or is held already; answers whether the lane may be drained. */
  take(): boolean {
    const { tenure } = this
    if (!this.lease.take(this.resume)) return false
    if (tenure === undefined) return true
    if (tenure.isHeld) {
      if (this.onQuiet.length > 0) tenure.gainAhead()
      return tenure.begin()
    }
    for (const relay of this.relays) relay.lookThrough()
    if (this.hasAny) return tenure.begin()
    // There is nothing that it would be gained for: it was only to be looked at.
    this.giveBack()
    return false
  }

  private readonly resume = (): void => {
    this.completed?.resume()
    for (const ring of this.rings) ring.resume()
  }

  /** Gives the lease back, unless the lane is sticky, or something is in flight. */
  giveBack(): void {
    if (!this.lease.isHeld || (this.sticky && this.belongs)) return
    // What a drain under way has dispatched is not released yet.
    if (this.isDraining || this.tenure?.isPending || this.onQuiet.length > 0) return
    for (const ring of this.rings) if (!ring.isQuiet) return
    if (this.tenure !== undefined && !this.tenure.end()) return
    this.rest.end()
    this.lease.giveBack()
    // After it: that thread sees that the lease is free, or is parked and woken.
    if (!this.belongs) wake(this.control, parkedWord(homeOf(this.control, this.map.shape, this.index)))
  }

  get isHeld(): boolean {
    return this.lease.isHeld
  }

  /** This thread may take it. */
  keep(): void {
    this.belongs = true
    if (this.onQuiet.length === 0) this.rest.end()
  }

  /** Others take it, once nothing of it is in flight. */
  letGo(): void {
    this.belongs = false
    this.giveBack()
    if (this.isHeld) this.rest.begin()
  }

  /** Some modules have taken the place of others: they are told of the lane once nothing of it is in flight. */
  turnOver(gone: readonly ModuleHooks[], come: readonly ModuleHooks[]): void {
    const { tenure } = this
    if (!tenure?.isHeld) return
    tenure.expect({ gone, come })
    this.whenQuiet(() => tenure.turnOver())
  }

  private whenQuiet(action: () => void): void {
    this.onQuiet.push(action)
    this.rest.begin()
    this.lookWhetherQuiet()
  }

  private lookWhetherQuiet(): void {
    if (this.onQuiet.length === 0 || this.isDraining || this.rings.some((ring) => ring.hasInFlight)) return
    if (this.belongs) this.rest.end()
    for (const action of this.onQuiet.splice(0)) action()
    this.unblock()
  }

  /** Not before the lane has changed hands, unless something in flight waits for what may lie in this ring. */
  mayBegin(ring: RingDrain): boolean {
    const { tenure } = this
    // Modules that want to be told may have come since the lane was taken.
    if (!this.lease.isHeld || tenure?.isPending || tenure?.isExpecting || tenure?.isHeld === false)
      return false
    return this.passesRest(ring)
  }

  private passesRest(ring: RingDrain): boolean {
    if (!this.rest.isResting || ring.awaitsStart) return true
    return this.rings.some(
      ({ hasWaiting, depth }) => hasWaiting && (ring.depth > depth || ring.depth === MAX_DEPTH),
    )
  }

  async settle(): Promise<void> {
    if (this.onQuiet.length > 0) await new Promise<void>((resolve) => void this.onQuiet.push(resolve))
    await this.tenure?.settle()
  }

  /** The thread stops: tells so. The lease is left to who started it. */
  async leave(): Promise<void> {
    const { tenure } = this
    await tenure?.settle()
    tenure?.end()
    await tenure?.settle()
  }

  private onHooks(settled: Promise<void>): void {
    this.host.onHooks(
      settled.then(() => {
        // It was not given back, as the hooks had not settled; or there is nothing left that it was gained for.
        if (!this.tenure!.isHeld || !this.belongs || !this.hasAny) this.giveBack()
      }),
    )
  }

  /** Dispatches up to `limit` records of each ring of this priority, until something is more urgent; answers how many. Only under the lease. */
  drain(priority: number, limit: number): number {
    const rings = this.byPriority[priority]!
    let dispatched = 0
    // Another ring first each time, so that none waits behind a busy one for ever.
    const turn = this.turns[priority]!++
    this.isDraining = true
    for (let i = 0; i < rings.length; i++) {
      dispatched += rings[(turn + i) % rings.length]!.drain(limit)
      if (dispatched > 0 && this.host.isUrgent(priority)) break
    }
    this.isDraining = false
    this.lookWhetherQuiet()
    return dispatched
  }

  synchronise(): void {
    this.host.synchronise()
  }

  mayStart(ring: RingDrain): boolean {
    return this.host.mayStart(ring)
  }

  mayStartSuspect(ring: RingDrain): boolean {
    return this.host.mayStartSuspect(ring)
  }

  get hasBusyKeys(): boolean {
    return this.busy.length > 0
  }

  /**
   * Whether a handler of the same key is running. While that one waits for room, deeper events are not held back: what it
   * waits for is that they are handled (decisions 3 and 11).
   */
  isBusy(words: Int32Array, at: number, ring: RingDrain): boolean {
    const flags = flagsOf(words, at)
    if (this.busy.length === 0 || (flags & ORDERED) === 0) return false
    const keyHash = keyHashOf(words, at)
    if (this.isBusyKey(keyHash, ring)) return (flags & ASKS) === 0 || !this.isAwaited(words, at, keyHash)
    return false
  }

  /** Whether all of this key that are being handled wait, and one of them for the answer to this request: it is a part of that. */
  private isAwaited(words: Int32Array, at: number, keyHash: number): boolean {
    if (this.map.publishers[publisherOf(words, at)]!.thread !== this.host.thread) return false
    let isAsked = false
    for (const { keyHash: other, context } of this.busy) {
      if (other !== keyHash) continue
      if (context!.waiting === 0) return false
      isAsked ||= context!.isAsking(slotOf(words, at), stampOf(words, at))
    }
    return isAsked
  }

  isBusyKey(keyHash: number | undefined, ring: RingDrain): boolean {
    const { busy } = this
    let handled = 0
    for (let i = 0; i < busy.length; i++) {
      const { keyHash: other, context, ring: own } = busy[i]!
      if (other !== keyHash || (context!.waiting > 0 && mayPass(own, ring))) continue
      // What comes behind it must not overtake it on its way to mailboxes and inboxes.
      if (context!.offering > 0) return true
      if (++handled === this.keyConcurrency) return true
    }
    return false
  }

  started(record: InFlight): void {
    if (record.isOrdered) this.busy.push(record)
    this.host.onStarted(record)
  }

  ended(record: InFlight): void {
    if (record.isOrdered) this.busy.splice(this.busy.indexOf(record), 1)
    this.unblock()
    this.lookWhetherQuiet()
    this.giveBack()
    this.host.onEnded(record)
  }

  unblock(): void {
    for (const ring of this.rings) ring.blocked = false
  }
}

/** Whether events of `other` may pass one of `ring` that waits for room; of the deepest rings, each may wait for another. */
function mayPass(ring: RingDrain, other: RingDrain): boolean {
  return other.depth > ring.depth || (other.depth === MAX_DEPTH && other !== ring)
}
